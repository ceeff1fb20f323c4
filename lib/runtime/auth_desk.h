// AuthDesk: logins and their tokens. One refresh at a time of a login, in this process and among all others;
// everybody who needs the token waits for it.
//
// Why a refresh token is never lost: under the lock file the vault is read anew (another process may have
// refreshed), a mark that a refresh begins is written, which shows that the vault can be written, the server
// is asked once, and what it gave is written with the end of the mark in one step. Until that step the vault
// holds the token before. Dying anywhere leaves a token that works but in one window: the server has accepted
// and nothing was written. Then the next refresh gets invalid_grant, the login is marked as required, and
// nobody asks again until somebody logs in.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "net/net.h"
#include "os/os.h"
#include "runtime/auth_store.h"
#include "runtime/workers.h"

namespace tau::runtime {

// What an endpoint of an authorization server answered. Wiped when it dies.
struct AuthAnswer {
  AuthAnswer() = default;
  AuthAnswer(AuthAnswer&&) = default;
  AuthAnswer& operator=(AuthAnswer&&) = delete;
  AuthAnswer(const AuthAnswer&) = delete;
  ~AuthAnswer() { secure_wipe(body.data(), body.size()); }
  int status = 0;
  std::string body;
  int64_t retry_after_ms = -1;
};

class AuthDesk final : public std::enable_shared_from_this<AuthDesk> {
 public:
  struct Setup {
    Config config;
    std::shared_ptr<VaultSource> secrets;
    Clock* clock = &system_clock();
    Random* random = &system_random();
    std::function<void(bool bad, std::string_view message)> log;  // any thread; never a secret
  };
  explicit AuthDesk(Setup setup);
  ~AuthDesk();

  // Nothing is begun any more, and pauses end. Any thread.
  void stop() { stopping_ = true; }
  // After stop(): waits for requests under way, whose tokens would be lost else, and logs nothing after.
  void finish();

  using Done = UniqueFunction<void(StatusOr<int64_t> generation)>;
  // As provider::Authorizer; `done` comes on a thread of the desk. Any thread.
  std::optional<int64_t> ready(const std::string& auth, int64_t refused);
  void wait(const std::string& auth, int64_t refused, Done done);

  // Waits for a token that is good, and gives its generation. `forced`: for a new one, whatever the clocks
  // say. Any thread; it may take as long as the authorization server does.
  StatusOr<int64_t> ensure(const std::string& auth, int64_t refused, bool forced = false);

  // The ops: JSON. Any thread.
  StatusOr<std::string> login(const std::string& auth, std::string_view flow);
  StatusOr<std::string> wait_login(const std::string& auth, int64_t timeout_ms);
  StatusOr<std::string> status(const std::string& auth);  // empty: of all
  StatusOr<std::string> refresh(const std::string& auth);
  StatusOr<std::string> logout(const std::string& auth);

 private:
  struct Waiter {
    int64_t refused;
    Done done;
  };
  // Tokens that were given and could not be written.
  struct Unsaved {
    provider::LoginState state;
    provider::Tokens tokens;
  };
  struct Login;  // auth_login.cpp
  struct Entry {
    std::mutex flight;  // held while the token is renewed; taken before mutex_
    // Under mutex_ of the desk:
    int64_t born_ns = 0;    // when the token of `born` was asked for
    int64_t born = 0;       // its generation; 0: by nobody here
    int64_t retry_ns = 0;   // not before, after failures
    int64_t forced_ns = 0;  // when a token that was refused was last replaced
    int failures = 0;
    Status failure;        // the last of them
    bool working = false;  // somebody works for the waiters
    std::vector<Waiter> waiters;
    std::optional<Unsaved> unsaved;  // under flight
    std::shared_ptr<Login> login;    // under mutex_ of the desk: one that waits for a person
  };
  // What to do for somebody who needs the token.
  enum class Need : uint8_t { kNothing, kSoon, kRefresh, kLogin, kPause };
  // A request for tokens: when it was sent, and how it went.
  struct Asked {
    int64_t at_ns = 0;
    int64_t at_wall_ms = 0;
    bool ambiguous = false;  // the server may have accepted it
    int64_t retry_after_ms = -1;
  };
  struct Form {
    std::string url;
    provider::FormFields fields;
  };

  Entry& entry(const std::string& auth);
  int64_t now_ns() const { return clock_.monotonic_ns(); }
  // Among all processes.
  StatusOr<os::FileLock> take_turn(const std::string& auth);
  int64_t age_ms(Entry& entry, const provider::LoginState& state);
  Need judge(Entry& entry, const AuthSpec& spec, const StatusOr<provider::LoginState>& state,
             int64_t refused);
  StatusOr<int64_t> answer(Entry& entry, const std::string& auth, Need need,
                           const StatusOr<provider::LoginState>& state);
  void serve(const std::string& auth);
  void begin_work(const std::string& auth);
  void give_up(const std::string& auth);
  struct Work;  // auth_desk.cpp

  StatusOr<int64_t> renew(Entry& entry, const AuthSpec& spec, StatusOr<provider::LoginState> state);
  StatusOr<provider::Tokens> ask(const AuthSpec& spec, Asked& asked);
  StatusOr<provider::Tokens> ask_once(const AuthSpec& spec, Asked& asked);
  Status keep(Entry& entry, const AuthSpec& spec, provider::LoginState state, provider::Tokens tokens,
              const Asked& asked);
  Status save(Entry& entry, const AuthSpec& spec);
  Status save_what_was_not(Entry& entry, const AuthSpec& spec);
  Status mark_failure(Entry& entry, const AuthSpec& spec, provider::LoginState state, const Status& why,
                      const Asked& asked);
  // A login that somebody gave.
  Status accept(const AuthSpec& spec, provider::Tokens tokens, const Asked& asked);
  Asked now() const;

  // The client's own part of a request: its id, and its secret the way that the server takes it.
  StatusOr<AuthAnswer> post(const AuthSpec& spec, Form form);
  StatusOr<AuthAnswer> send(const std::string& url, std::string form, const Secret& basic);
  StatusOr<Secret> assertion(const AuthSpec& spec);
  bool pause(int64_t ms);  // false: the desk stops
  void log(bool bad, std::string_view message);

  StatusOr<std::shared_ptr<Login>> begin_browser(const AuthSpec& spec);
  StatusOr<std::shared_ptr<Login>> begin_device(const AuthSpec& spec);
  // False: nothing has come by then.
  StatusOr<bool> step_browser(const AuthSpec& spec, Login& login, int64_t until_ns);
  StatusOr<bool> step_device(const AuthSpec& spec, Login& login, int64_t until_ns);
  StatusOr<bool> serve_browser(const AuthSpec& spec, Login& login, os::Fd connection);
  Status redeem(const AuthSpec& spec, Login& login, const Secret& code);
  Status take_tokens(const AuthSpec& spec, const StatusOr<AuthAnswer>& answer, const Asked& asked);
  bool read_head(int connection, std::string& head);
  void drop_login(const std::string& auth, const std::shared_ptr<Login>& login);
  void describe(const std::string& auth, json::Writer& w);
  StatusOr<std::string> described(const std::string& auth);
  Status revoke(const AuthSpec& spec, const provider::LoginState& state);

  const Config config_;
  const AuthStore store_;
  const std::shared_ptr<VaultSource> secrets_;
  Clock& clock_;
  Random& random_;
  const std::unique_ptr<net::EgressPolicy> egress_;
  std::atomic<bool> stopping_{false};
  std::mutex mutex_;  // of the map, and of what Entry says
  std::map<std::string, std::unique_ptr<Entry>, std::less<>> entries_;
  std::mutex log_mutex_;
  std::function<void(bool bad, std::string_view message)> log_;
  WorkerPool workers_{2};
};

}  // namespace tau::runtime

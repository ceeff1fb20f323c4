// tau auth …: logins at authorization servers. Tokens go to the vault; none of them is ever shown.
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "client.h"
#include "clock.h"
#include "commands.h"
#include "terminal.h"
#include "text.h"

namespace cli {
namespace {

constexpr int64_t kSliceMs = 2'000;
constexpr size_t kNameWidth = 20;
constexpr size_t kKindWidth = 18;
constexpr size_t kStateWidth = 14;
constexpr size_t kUrlWidth = 8'192;

Json request_of(const char* op, const Options& options) {
  Json request = cli::request_of(op);
  if (!options.id.empty()) request.set("name", Json::string(options.id));
  return request;
}

bool is_web_page(const std::string& url) { return url.starts_with("https://") || url.starts_with("http://"); }

// Shows the page in the user's browser. That there is none is no failure: the page is printed, too.
void open_browser(const std::string& url) {
  if (!is_web_page(url)) return;
  const pid_t child = fork();
  if (child == 0) {
    const int nothing = open("/dev/null", O_RDWR);
    for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) dup2(nothing, fd);
    execlp("xdg-open", "xdg-open", url.c_str(), static_cast<char*>(nullptr));
    _exit(127);
  }
  while (child > 0 && waitpid(child, nullptr, 0) < 0 && errno == EINTR) {}
}

std::string expiry_text(const Json& login) {
  const int64_t expires = login["expires_ms"].as_int();
  if (expires == 0) return "";
  const int64_t minutes = (expires - now_ms()) / 60'000;
  if (minutes < 0) return "expired";
  return minutes < 120 ? "in " + std::to_string(minutes) + "m" : "in " + std::to_string(minutes / 60) + "h";
}

std::string row_text(const Json& login) {
  std::string text = padded(one_line(login["name"].as_string(), kNameWidth), kNameWidth) + "  " +
                     padded(login["kind"].as_string(), kKindWidth) + "  " +
                     padded(login["state"].as_string(), kStateWidth) + "  " + padded(expiry_text(login), 8);
  for (const Json& origin : login["origins"].items()) text += " " + one_line(origin.as_string(), 80);
  if (const std::string& reason = login["reason"].as_string(); !reason.empty())
    text += " " + one_line(reason, 40);
  if (const std::string& more = login["message"].as_string(); !more.empty())
    text += ": " + one_line(more, 400);
  while (text.ends_with(' ')) text.pop_back();
  return text + "\n";
}

int tell(const Options& options, const Json& login) {
  return write_out(options.json ? login.dump() + "\n" : row_text(login)) ? kExitOk : kExitFailed;
}

// What the person has to do. The texts come from a server.
bool show(const Options& options, const Json& begun) {
  if (options.json) return write_out(begun.dump() + "\n");
  const std::string url = one_line(begun["url"].as_string(), kUrlWidth);
  const std::string code = one_line(begun["user_code"].as_string(), 80);
  if (code.empty()) return write_out("Log in here:\n\n  " + url + "\n\n");
  return write_out("Open this page and enter the code:\n\n  " + url + "\n\n  " + code + "\n\n");
}

int wait_for(const Client& client, const Options& options) {
  while (true) {
    Json request = request_of("auth_wait", options);
    request.set("timeout_ms", Json::number(kSliceMs));
    const auto login = client.perform(request);
    if (!login.ok()) return report(login.failure());
    if ((*login)["state"].as_string() != "waiting") return tell(options, *login);
  }
}

int simple(const Options& options, const char* op) {
  const auto client = Client::open(options);
  if (!client.ok()) return report(client.failure());
  const auto done = (*client).perform(request_of(op, options));
  return done.ok() ? tell(options, *done) : report(done.failure());
}

}  // namespace

int command_auth_login(const Options& options) {
  const auto client = Client::open(options);
  if (!client.ok()) return report(client.failure());
  Json request = request_of("auth_login", options);
  if (options.device) request.set("flow", Json::string("device"));
  const auto begun = (*client).perform(request);
  if (!begun.ok()) return report(begun.failure());
  if ((*begun)["state"].as_string() != "waiting") return tell(options, *begun);
  if (!show(options, *begun)) return kExitFailed;
  const std::string& whole = (*begun)["complete_url"].as_string();
  if (!options.no_browser) open_browser(whole.empty() ? (*begun)["url"].as_string() : whole);
  return wait_for(*client, options);
}

int command_auth_refresh(const Options& options) { return simple(options, "auth_refresh"); }

int command_auth_logout(const Options& options) {
  const auto client = Client::open(options);
  if (!client.ok()) return report(client.failure());
  const auto done = (*client).perform(request_of("auth_logout", options));
  if (!done.ok()) return report(done.failure());
  const std::string& reason = (*done)["reason"].as_string();
  if (!reason.empty())
    write_err("tau: the server was not told, and may go on to accept the token: " + one_line(reason, 60) +
              ": " + one_line((*done)["message"].as_string(), 400) + "\n");
  return tell(options, *done);
}

int command_auth_status(const Options& options) {
  const auto client = Client::open_to_read(options);
  if (!client.ok()) return report(client.failure());
  const auto found = (*client).perform(request_of("auth_status", options));
  if (!found.ok()) return report(found.failure());
  if (options.json) return write_out((*found).dump() + "\n") ? kExitOk : kExitFailed;
  std::string text;
  for (const Json& login : (*found)["logins"].items()) text += row_text(login);
  if (text.empty()) write_err("tau: no login is configured; docs/auth.md shows how one is made\n");
  return write_out(text) ? kExitOk : kExitFailed;
}

}  // namespace cli

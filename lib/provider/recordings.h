// Recordings that answer in the place of a server: docs/recordings.md.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/base.h"
#include "json/json.h"
#include "net/net.h"
#include "provider/provider.h"

namespace tau::provider {

struct ReplayOptions {
  bool repeat = false;      // what was used up begins anew, in place of an error
  bool timing = false;      // as slow as it was
  bool any_model = false;   // recordings of every model answer
  uint64_t split_seed = 0;  // not 0: the bytes of answers come in random pieces, by this seed
  // What the recorder took out of requests is taken out of what is asked, too; may be empty.
  std::function<void(std::string& text, bool is_json)> clean = {};
};

// The text of a .jsonl file: {"case","interactions":[{"request":{"method","path","query","headers","body"},
// "response":{"status","headers","body"}}]}, one object a line. Immutable but for what was used; any thread.
class Recordings {
 public:
  static constexpr size_t kMaxBytes = 256u << 20;

  // INVALID_ARGUMENT "invalid_recording" names the line. What asks for something else than an answer of a
  // model (embeddings, lists of models) is passed over. `dialect`: of requests whose path says none; null:
  // they are passed over.
  static StatusOr<std::shared_ptr<Recordings>> parse(std::string_view text,
                                                     const wire::Dialect* dialect = nullptr);
  // The same of a file; its name stands in what is wrong. NOT_FOUND, RESOURCE_EXHAUSTED "file_too_large".
  static StatusOr<std::shared_ptr<Recordings>> load(const std::string& path,
                                                    const wire::Dialect* dialect = nullptr);
  ~Recordings();

  size_t size() const;
  // Of the first interaction; null when there is none.
  const wire::Dialect* dialect() const;

  struct Answer {
    int status = 0;
    std::vector<std::pair<std::string, std::string>> headers;
    std::string body;
    std::string interrupted;
    int64_t first_byte_ms = 0;
    int64_t total_ms = 0;
  };
  // What answers the body of a request in that dialect, by its meaning (request_match.h). Equal ones answer
  // in their order, each once. NOT_FOUND "recording_not_found" names the nearest one and where the two part
  // first; "recording_used_up" when each that is equal was used.
  StatusOr<const Answer*> find(const wire::Dialect& dialect, std::string_view model, std::string_view body,
                               const ReplayOptions& options);

 private:
  struct State;
  explicit Recordings(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// What an API at that path speaks; null when it is no dialect.
const wire::Dialect* dialect_of_path(std::string_view path);

// A model whose answers are recorded: what a server sent passes through the decoder of the route's dialect,
// or of the recordings where it names none. Nothing is sent. Without recordings each call fails.
std::unique_ptr<Model> make_replay_model(Route route, std::shared_ptr<Recordings> recordings, net::Loop& loop,
                                         Random& random, ReplayOptions options);

}  // namespace tau::provider

// The network of one simulated process: an HTTP client whose answers are written by a simulated provider, in
// pieces of any size, with every fault that a transport can have.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "simulator/coverage.h"
#include "simulator/world.h"
#include "wire/wire.h"

namespace tau::sim {

// One thing that arrives.
struct Piece {
  enum class Kind : uint8_t { kHead, kBody, kEnd, kFault };
  Kind kind = Kind::kBody;
  int64_t delay_ns = 0;  // after the piece before it
  std::string bytes;
  int http_status = 200;
  std::vector<std::pair<std::string, std::string>> headers;
  Status end;
  Fault fault = Fault::kCount;
};
using Script = std::vector<Piece>;

// Writes the transport's version of an answer; some come with a fault.
class ScriptWriter {
 public:
  ScriptWriter(Rng& rng, const wire::Dialect& dialect) : rng_(rng), dialect_(dialect) {}
  // `answer`: what the model says; `percent`: how many attempts go wrong.
  Script write(const wire::Response& answer, int percent);

 private:
  using Chunks = std::vector<std::string>;
  Chunks chunks_of(const wire::Response& answer);
  void body(std::string bytes, int64_t most_delay_ns = 2 * kMs);
  void split_body(const std::string& bytes);
  void mark(Fault fault);
  void end(Status status = {}, int64_t delay_ns = 0);
  void head(int status, std::vector<std::pair<std::string, std::string>> headers = {});
  void http_error(Fault fault, int status);
  bool write_failure(Fault fault);
  void write_stream(const Chunks& chunks, Fault fault);
  bool spoil(const Chunks& chunks, size_t at, Fault fault);
  void cut(const std::string& chunk, size_t at);
  void drip();
  void late_bytes();

  Rng& rng_;
  const wire::Dialect& dialect_;
  Script script_;
};

class SimHttp final : public net::HttpClient {
 public:
  struct Hooks {
    std::function<Script(const net::HttpRequest&)> answer;
    std::function<void(Fault)> about_to_hit;  // a chance for the world to make a race
    std::function<void(Fault)> hit;
  };
  SimHttp(SimLoop& loop, Hooks hooks) : loop_(loop), hooks_(std::move(hooks)) {}

  net::RequestId start(net::HttpRequest request, net::HttpSink& sink) override;
  void cancel(net::RequestId id) override;
  void pause(net::RequestId) override {}
  void resume(net::RequestId) override {}
  // Transfers whose end has not been told.
  size_t open() const { return transfers_.size(); }

 private:
  struct Transfer {
    net::HttpSink* sink = nullptr;
    Script script;
    size_t next = 0;
    net::Timeouts timeouts;
    int64_t started_ns = 0;
    bool answered = false;
  };
  void schedule(net::RequestId id);
  void deliver(net::RequestId id);
  int64_t patience_ns(const Transfer& transfer) const;

  SimLoop& loop_;
  Hooks hooks_;
  std::map<net::RequestId, Transfer> transfers_;
  net::RequestId last_ = 0;
};

}  // namespace tau::sim

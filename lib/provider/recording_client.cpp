// An HTTP client that passes everything on and keeps a copy of it for the recorder.
#include <map>
#include <new>

#include "provider/recorder.h"

namespace tau::provider {
namespace {

constexpr size_t kMaxCopy = 64u << 20;  // of one answer

class RecordingClient;

// One request: its sink, and what went by.
class Passage final : public net::HttpSink {
 public:
  Passage(RecordingClient& client, net::HttpSink& sink, int64_t start_ns)
      : client_(client), sink_(sink), start_ns_(start_ns) {}

  void on_head(int status, const std::vector<std::pair<std::string, std::string>>& headers) override;
  void on_body(std::string_view bytes) override;
  void on_connected(int socket) override { sink_.on_connected(socket); }
  void on_done(const Status& status) override;

  // Hands the copy over; a cancelled request counts as interrupted.
  void settle(std::string_view interrupted);

  Exchange exchange;
  net::RequestId id = 0;

 private:
  int64_t since_start_ms() const;

  RecordingClient& client_;
  net::HttpSink& sink_;
  const int64_t start_ns_;
  bool lost_ = false;  // there was no memory for a copy
};

class RecordingClient final : public net::HttpClient {
 public:
  RecordingClient(net::HttpClient& inner, net::Loop& on_loop, Recorder& to, const Route& route)
      : loop(on_loop),
        recorder(to),
        inner_(inner),
        provider_(route.provider),
        dialect_(route.dialect != nullptr ? route.dialect->name() : std::string_view()) {}

  ~RecordingClient() override {
    for (const auto& [id, passage] : passages_) inner_.cancel(id);
  }

  net::RequestId start(net::HttpRequest request, net::HttpSink& sink) override {
    auto passage = std::make_unique<Passage>(*this, sink, loop.now_ns());
    Exchange& e = passage->exchange;
    e.provider = provider_;
    e.dialect = dialect_;
    e.method = request.method;
    e.url = request.url;
    e.request_headers = request.headers;
    e.request_body = request.body;
    for (const auto& [name, value] : request.headers)
      if (name == "x-request-id") e.id = value;
    Passage& kept = *passage;
    kept.id = inner_.start(std::move(request), kept);
    passages_.emplace(kept.id, std::move(passage));
    return kept.id;
  }

  void cancel(net::RequestId id) override {
    inner_.cancel(id);
    if (const auto it = passages_.find(id); it != passages_.end()) {
      it->second->settle("cancelled");
      retire(id);
    }
  }
  void pause(net::RequestId id) override { inner_.pause(id); }
  void resume(net::RequestId id) override { inner_.resume(id); }

  // The passage may be on the stack.
  void retire(net::RequestId id) {
    auto node = passages_.extract(id);
    if (node.empty()) return;
    loop.post([passage = std::move(node.mapped())]() mutable { passage.reset(); });
  }

  net::Loop& loop;
  Recorder& recorder;

 private:
  net::HttpClient& inner_;
  const std::string provider_;
  const std::string dialect_;
  std::map<net::RequestId, std::unique_ptr<Passage>> passages_;
};

int64_t Passage::since_start_ms() const { return (client_.loop.now_ns() - start_ns_) / kNanosPerMilli; }

void Passage::on_head(int status, const std::vector<std::pair<std::string, std::string>>& headers) {
  exchange.status = status;
  exchange.first_byte_ms = since_start_ms();
  try {
    exchange.response_headers = headers;
  } catch (const std::bad_alloc&) { lost_ = true; }
  sink_.on_head(status, headers);
}

void Passage::on_body(std::string_view bytes) {
  try {
    if (!lost_ && exchange.response_body.size() + bytes.size() <= kMaxCopy) {
      exchange.response_body += bytes;
    } else {
      lost_ = true;
    }
  } catch (const std::bad_alloc&) { lost_ = true; }
  sink_.on_body(bytes);
}

void Passage::on_done(const Status& status) {
  settle(status.ok() ? std::string_view() : status.reason());
  net::HttpSink& sink = sink_;
  client_.retire(id);
  sink.on_done(status);
}

void Passage::settle(std::string_view interrupted) {
  if (lost_) return;
  exchange.total_ms = since_start_ms();
  exchange.interrupted = interrupted;
  client_.recorder.take(std::move(exchange));
}

}  // namespace

std::unique_ptr<net::HttpClient> make_recording_client(net::HttpClient& inner, net::Loop& loop,
                                                       Recorder& recorder, const Route& route) {
  return std::make_unique<RecordingClient>(inner, loop, recorder, route);
}

}  // namespace tau::provider

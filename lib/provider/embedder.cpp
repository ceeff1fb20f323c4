// A batch of texts is a call of a model whose answer is vectors: what routes do for messages they do for
// these.
#include "provider/embedder.h"

#include <algorithm>
#include <cstring>

namespace tau::provider {
namespace {

constexpr size_t kMostBytesOfBatch = 512u << 10;
constexpr size_t kMostAtOnce = 4;  // batches under way

// What a job asks beside its texts.
struct Wish {
  std::string input_type;
  std::optional<int64_t> dimensions;
};

// A codec of embeddings in the place of one of messages: texts are the messages of the request, and the
// vectors are the bytes of the answer's one part.
class Codec final : public wire::Dialect {
 public:
  Codec(const wire::EmbedDialect& embeddings, const wire::Dialect& messages, const Wish& wish)
      : embeddings_(embeddings), messages_(messages), wish_(wish) {}

  std::string_view name() const override { return embeddings_.name(); }
  size_t most_texts() const { return embeddings_.most_texts(); }

  StatusOr<std::string> encode_request(const wire::Request& request, const wire::Quirks&,
                                       const wire::Target& target) const override {
    wire::EmbedRequest asked;
    asked.model = target.model_of(request);
    for (const wire::Message& message : request.messages) asked.texts.push_back(message.text());
    asked.input_type = wish_.input_type;
    asked.dimensions = wish_.dimensions;
    asked.encoding = "float";
    return embeddings_.encode_request(asked);
  }

  StatusOr<wire::Response> decode_response(std::string_view body, const wire::Quirks&) const override {
    TAU_ASSIGN_OR_RETURN(const wire::Embeddings got, embeddings_.decode_response(body));
    wire::Media vectors;
    vectors.kind = wire::MediaKind::kFile;
    vectors.name = std::to_string(got.count);
    vectors.data.assign(reinterpret_cast<const char*>(got.values.data()), got.values.size() * sizeof(float));
    wire::Response response;
    response.model = got.model;
    response.usage = got.usage;
    response.message.role = wire::Role::kAssistant;
    response.message.parts.push_back({.body = std::move(vectors), .extras = {}});
    response.finish = wire::FinishReason::kStop;
    return response;
  }

  // An answer that is no JSON is no answer.
  std::unique_ptr<wire::StreamDecoder> stream_decoder(const wire::Quirks&) const override {
    return wire::neutral_stream_decoder();
  }
  Status decode_error(int http_status, std::string_view body) const override {
    return messages_.decode_error(http_status, body);
  }

  // Nobody serves these.
  StatusOr<wire::Request> decode_request(std::string_view) const override {
    return unimplemented("requests of embeddings are no messages");
  }
  std::string encode_response(const wire::Response&) const override { return {}; }
  std::unique_ptr<wire::StreamEncoder> stream_encoder() const override { return nullptr; }
  std::string encode_error(const Status& status) const override { return messages_.encode_error(status); }

 private:
  const wire::EmbedDialect& embeddings_;
  const wire::Dialect& messages_;
  const Wish& wish_;  // of the embedder
};

class RoutedEmbedder;

// Texts that go in one request.
class Batch final : public CallSink {
 public:
  Batch(RoutedEmbedder& owner, size_t at) : owner_(owner), first(at) {}
  void on_event(const wire::StreamEvent&) override {}
  void on_attempt(int, const Status&) override {}
  void on_decision(const RouteDecision& decision) override {
    if (decision.route != nullptr && decision.decision != "failed" && decision.decision != "waiting")
      answering_ = decision.route;
  }
  void on_response(wire::Response response) override;
  void on_failure(const Status& status, wire::Response) override;

  wire::Request request;
  CallId call = 0;

 private:
  RoutedEmbedder& owner_;
  const Route* answering_ = nullptr;

 public:
  const size_t first;  // its place among the texts
};

class RoutedEmbedder final : public Embedder {
 public:
  RoutedEmbedder(net::Loop& loop) : loop_(loop), self_(std::make_shared<RoutedEmbedder*>(this)) {}
  ~RoutedEmbedder() override {
    *self_ = nullptr;
    cancel_all();
  }

  Status build(const RouteSpec& spec, net::HttpClient& http, std::shared_ptr<Traffic> traffic,
               Random& random) {
    auto own = std::make_shared<RouteSpec>(spec);
    own->upstreams.clear();
    own->hedge_after_ms = 0;
    std::vector<std::unique_ptr<Model>> models;
    for (const Upstream& upstream : spec.upstreams) {
      const wire::Dialect* const messages = upstream.route.dialect;
      const wire::EmbedDialect* const codec = messages == nullptr || upstream.route.host != nullptr
                                                  ? nullptr
                                                  : wire::embed_dialect_beside(messages->name());
      if (codec == nullptr) continue;
      codecs_.push_back(std::make_unique<Codec>(*codec, *messages, wish_));
      own->upstreams.push_back(upstream);
      own->upstreams.back().route.dialect = codecs_.back().get();
      models.push_back(make_http_model(own->upstreams.back().route, http, loop_, random));
      most_texts_ = std::min(most_texts_, codec->most_texts());
    }
    if (own->upstreams.empty())
      return Status(
          Code::kUnimplemented, "no_embeddings",
          format("no model of {} has embeddings that this library knows how to ask for", spec.name));
    model_ = make_routed_model(std::move(own), std::move(models), std::move(traffic), loop_, random);
    return ok_status();
  }

  void start(EmbedJob job, Done done) override {
    job_ = std::move(job);
    done_ = std::move(done);
    wish_ = {job_.input_type, job_.dimensions};
    result_ = {};
    next_ = 0;
    loop_.post([self = self_] {
      if (*self != nullptr) (*self)->go_on();
    });
  }

  void answered(Batch& batch, wire::Response response, const Route* by) {
    const std::unique_ptr<Batch> over = take(batch);
    const Status stored = store(batch, response, by);
    if (!stored.ok()) return finish(stored);
    go_on();
  }
  void failed(Batch& batch, const Status& status) {
    const std::unique_ptr<Batch> over = take(batch);
    finish(status);
  }

 private:
  void go_on() {
    while (done_ && open_.size() < kMostAtOnce && next_ < job_.texts.size()) begin();
    if (done_ && open_.empty()) finish(ok_status());
  }

  void begin() {
    auto batch = std::make_unique<Batch>(*this, next_);
    size_t bytes = 0;
    while (next_ < job_.texts.size() && batch->request.messages.size() < most_texts_) {
      const std::string& text = job_.texts[next_];
      bytes += text.size();
      if (bytes > kMostBytesOfBatch && !batch->request.messages.empty()) break;
      batch->request.messages.push_back(wire::text_message(wire::Role::kUser, text, {}));
      ++next_;
    }
    batch->request.max_tokens = 1;  // budgets ask for a bound, and nothing is written
    ModelCall call;
    call.request_id = make_id("emb", system_clock(), system_random());
    call.request = &batch->request;
    call.run_id = job_.run_id;
    call.session_id = job_.session_id;
    call.principal = job_.principal;
    batch->call = model_->start(std::move(call), *batch);
    open_.push_back(std::move(batch));
    ++result_.requests;
  }

  std::unique_ptr<Batch> take(Batch& batch) {
    const auto at = std::ranges::find_if(open_, [&](const auto& one) { return one.get() == &batch; });
    std::unique_ptr<Batch> taken = std::move(*at);
    open_.erase(at);
    return taken;
  }

  Status store(const Batch& batch, const wire::Response& response, const Route* by) {
    const auto* vectors =
        response.message.parts.size() == 1 ? response.message.parts[0].as<wire::Media>() : nullptr;
    const size_t wanted = batch.request.messages.size();
    if (vectors == nullptr || vectors->name != std::to_string(wanted))
      return data_loss("invalid_response", format("{} texts were answered with {} vectors", wanted,
                                                  vectors == nullptr ? std::string("no") : vectors->name));
    const size_t dimensions = vectors->data.size() / sizeof(float) / wanted;
    if (result_.dimensions == 0) {
      result_.dimensions = dimensions;
      if (dimensions > wire::kMostFloats / job_.texts.size())
        return resource_exhausted("too_many_numbers",
                                  "the vectors of so many texts are too much for one call");
      result_.values.resize(job_.texts.size() * dimensions);
    }
    if (dimensions != result_.dimensions)
      return data_loss("invalid_response", format("vectors of {} and of {} numbers answer one call",
                                                  result_.dimensions, dimensions));
    std::memcpy(result_.values.data() + batch.first * dimensions, vectors->data.data(), vectors->data.size());
    result_.count += wanted;
    result_.input_tokens += response.usage.input;
    if (by != nullptr) result_.cost_usd_micros += provider::cost_usd_micros(by->price, response.usage);
    return ok_status();
  }

  void cancel_all() {
    for (const auto& batch : open_) (void)model_->cancel(batch->call);
    open_.clear();
  }

  void finish(const Status& status) {
    cancel_all();
    Done done = std::exchange(done_, nullptr);
    if (!done) return;
    if (status.ok()) return done(std::move(result_));
    done(status);
  }

  net::Loop& loop_;
  std::shared_ptr<RoutedEmbedder*> self_;
  Wish wish_;
  std::vector<std::unique_ptr<Codec>> codecs_;
  size_t most_texts_ = wire::kMostVectors;
  std::unique_ptr<Model> model_;
  EmbedJob job_;
  Done done_;
  EmbedResult result_;
  size_t next_ = 0;  // the first text that no batch has
  std::vector<std::unique_ptr<Batch>> open_;
};

// The owner takes the batch, which is on the stack, and drops it when it returns.
void Batch::on_response(wire::Response response) { owner_.answered(*this, std::move(response), answering_); }
void Batch::on_failure(const Status& status, wire::Response) { owner_.failed(*this, status); }

}  // namespace

StatusOr<std::unique_ptr<Embedder>> make_embedder(const RouteSpec& spec, net::HttpClient& http,
                                                  std::shared_ptr<Traffic> traffic, net::Loop& loop,
                                                  Random& random) {
  auto made = std::make_unique<RoutedEmbedder>(loop);
  TAU_RETURN_IF_ERROR(made->build(spec, http, std::move(traffic), random));
  return std::unique_ptr<Embedder>(std::move(made));
}

}  // namespace tau::provider

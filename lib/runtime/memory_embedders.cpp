#include "runtime/memory_embedders.h"

#include <cmath>
#include <cstring>
#include <utility>

#include "runtime/core.h"
#include "runtime/embed.h"

namespace tau::runtime {
namespace {

using memory::Embedder;
using memory::Purpose;

constexpr int64_t kQueryTimeoutMs = 2'000;      // a search waits for it
constexpr int64_t kDocumentTimeoutMs = 60'000;  // of a batch in the background
constexpr size_t kMostDimensions = 8192;

// Makes each row of length 1. False for what is not finite.
bool normalize(float* rows, size_t count, size_t dimensions) {
  for (size_t i = 0; i < count; ++i) {
    float* const row = rows + i * dimensions;
    double sum = 0;
    for (size_t d = 0; d < dimensions; ++d) sum += static_cast<double>(row[d]) * row[d];
    if (!std::isfinite(sum)) return false;
    if (sum == 0) continue;
    const auto scale = static_cast<float>(1 / std::sqrt(sum));
    for (size_t d = 0; d < dimensions; ++d) row[d] *= scale;
  }
  return true;
}

class ProviderEmbedder final : public Embedder {
 public:
  ProviderEmbedder(Core& core, std::string model, int64_t asked)
      : core_(core), model_(std::move(model)), asked_(asked) {
    id_ = "provider:" + model_;
  }

  // Asks for one vector.
  Status learn() {
    TAU_ASSIGN_OR_RETURN(const Embedded made, ask({"dimensions"}, Purpose::kDocument));
    dimensions_ = made.vectors.size() / sizeof(float);
    if (dimensions_ >= 1 && dimensions_ <= kMostDimensions) return ok_status();
    return data_loss("invalid_response", format("{} makes vectors of {} numbers; 1 to {} are kept", model_,
                                                dimensions_, kMostDimensions));
  }

  std::string_view id() const override { return id_; }
  size_t dimensions() const override { return dimensions_; }
  bool slow() const override { return true; }
  Status embed(const std::vector<std::string_view>& texts, Purpose purpose, float* out) const override {
    TAU_ASSIGN_OR_RETURN(const Embedded made, ask(texts, purpose));
    const size_t bytes = texts.size() * dimensions_ * sizeof(float);
    if (made.vectors.size() != bytes)
      return data_loss("invalid_response",
                       format("{} made {} bytes of vectors, not {}", model_, made.vectors.size(), bytes));
    std::memcpy(out, made.vectors.data(), bytes);
    if (normalize(out, texts.size(), dimensions_)) return ok_status();
    return data_loss("invalid_response", model_ + " made a vector that is not finite");
  }

 private:
  StatusOr<Embedded> ask(const std::vector<std::string_view>& texts, Purpose purpose) const {
    const bool query = purpose == Purpose::kQuery;
    std::string request;
    json::Writer w(request);
    w.begin_object().field("model", model_).key("texts").begin_array();
    for (const std::string_view text : texts) w.string(text.empty() ? std::string_view(" ") : text);
    w.end_array().field("input_type", query ? "query" : "document");
    if (asked_ > 0) w.field("dimensions", asked_);
    w.field("timeout_ms", query ? kQueryTimeoutMs : kDocumentTimeoutMs).end_object();
    return embed_for_memories(core_, request);
  }

  Core& core_;
  const std::string model_;
  const int64_t asked_;
  std::string id_;
  size_t dimensions_ = 0;
};

class ProgramEmbedder final : public Embedder {
 public:
  explicit ProgramEmbedder(HostEmbedder host) : host_(std::move(host)), id_("host:" + host_.name) {}
  std::string_view id() const override { return id_; }
  size_t dimensions() const override { return host_.dimensions; }
  bool slow() const override { return true; }
  Status embed(const std::vector<std::string_view>& texts, Purpose purpose, float* out) const override {
    if (!host_.embed(texts, purpose, out))
      return unavailable("embedder_failed",
                         format("the program's embedder \"{}\" made no vectors", host_.name));
    if (normalize(out, texts.size(), host_.dimensions)) return ok_status();
    return data_loss("invalid_vector",
                     format("the program's embedder \"{}\" made a vector that is not finite", host_.name));
  }

 private:
  const HostEmbedder host_;
  const std::string id_;
};

}  // namespace

StatusOr<std::shared_ptr<const Embedder>> make_provider_embedder(Core& core, const std::string& model,
                                                                 int64_t dimensions) {
  const auto embedder = std::make_shared<ProviderEmbedder>(core, model, dimensions);
  TAU_RETURN_IF_ERROR(embedder->learn());
  return std::shared_ptr<const Embedder>(embedder);
}

StatusOr<std::shared_ptr<const Embedder>> make_host_embedder(HostEmbedder host) {
  if (host.dimensions < 1 || host.dimensions > kMostDimensions)
    return invalid_argument("invalid_embedder",
                            format("embedder.dimensions should be 1 to {}", kMostDimensions));
  if (host.name.empty() || host.name.size() > 128)
    return invalid_argument("invalid_embedder", "embedder.name should have 1 to 128 bytes");
  return std::shared_ptr<const Embedder>(std::make_shared<ProgramEmbedder>(std::move(host)));
}

}  // namespace tau::runtime

// Embeddings: vectors of texts.
#ifndef TAU_EMBED_HPP
#define TAU_EMBED_HPP

#include <tau/embed.h>

#include <cstring>
#include <tau/runtime.hpp>
#include <vector>

namespace tau {
inline namespace v0 {

// The vectors of some texts, in their order.
struct Embeddings {
  std::vector<float> values;  // row by row
  size_t dimensions = 0;      // of each row
  Text report;                // JSON: model, count, dimensions, input_tokens, cost_usd_micros, requests

  size_t count() const noexcept { return dimensions == 0 ? 0 : values.size() / dimensions; }
  const float* row(size_t i) const noexcept { return values.data() + i * dimensions; }
};

// Asks a model for the vectors of `count` texts. request: JSON as for tau_embed, whose "texts" are `count` long
// (tau_embed).
// Errors: kInvalidArgument "invalid_texts"; kUnimplemented "no_embeddings"; kDataLoss "invalid_response";
// kDeadlineExceeded; those of model calls.
inline Result<Embeddings> embed(const Runtime& runtime, std::string_view request, size_t count) {
  tau_buf vectors = {nullptr, 0, nullptr};
  tau_buf report = {nullptr, 0, nullptr};
  auto done = detail::done(tau_embed, runtime.c(), detail::str(request), &vectors, &report);
  const Text bytes(vectors);
  Embeddings out;
  out.report = Text(report);
  if (!done) return std::move(done).error();
  out.values.resize(bytes.view().size() / sizeof(float));
  if (!out.values.empty()) std::memcpy(out.values.data(), bytes.c_str(), bytes.view().size());
  out.dimensions = count == 0 ? 0 : out.values.size() / count;
  return out;
}

}  // namespace v0
}  // namespace tau

#endif

// The walk of a text through the encoder.
#include "memory/text_encoder.h"

#include <algorithm>
#include <cstring>

namespace tau::memory {

// What one text needs on its way; sized for the longest one of a batch.
struct TextEncoder::Scratch {
  std::vector<float> hidden;
  std::vector<float> wide;     // of what goes in: queries, keys, values; then the feed-forward part
  std::vector<float> context;  // what attention gives
  std::vector<float> narrow;   // what a product gives back to the hidden size
  std::vector<float> attention;
  QuantRows rows;

  Scratch(const EncoderConfig& config, size_t tokens) {
    const size_t widest = round_up(std::max(3 * config.hidden, config.intermediate), kTile);
    hidden.resize(tokens * config.hidden);
    wide.resize(tokens * widest);
    context.resize(tokens * config.hidden);
    narrow.resize(tokens * round_up(config.hidden, kTile));
    attention.resize(attend_scratch(tokens, config.hidden / config.heads));
    rows.reserve(tokens, std::max(config.hidden, config.intermediate));
  }
};

Status TextEncoder::embed(const std::vector<std::string_view>& texts, Purpose purpose, float* out) const {
  std::vector<std::vector<uint32_t>> pieces(texts.size());
  size_t most = 0;
  for (size_t i = 0; i < texts.size(); ++i) {
    pieces_of(texts[i], purpose, &pieces[i]);
    most = std::max(most, pieces[i].size());
  }
  Scratch scratch(parts_.config, most);
  for (size_t i = 0; i < texts.size(); ++i) encode(pieces[i], &scratch, out + i * parts_.dimensions);
  return ok_status();
}

// Empty when the text has nothing to embed.
void TextEncoder::pieces_of(std::string_view text, Purpose purpose, std::vector<uint32_t>* out) const {
  const size_t most = parts_.config.most_pieces - 1;
  out->push_back(first_);
  parts_.tokenizer.tokenize(purpose == Purpose::kQuery ? parts_.query_prefix : parts_.document_prefix, most,
                            out);
  const size_t before = out->size();
  parts_.tokenizer.tokenize(text, most, out);
  if (out->size() == before) return out->clear();
  out->push_back(last_);
}

void TextEncoder::encode(const std::vector<uint32_t>& pieces, Scratch* scratch, float* out) const {
  if (pieces.empty()) {
    std::fill_n(out, parts_.dimensions, 0.0F);
    return;
  }
  const size_t hidden = parts_.config.hidden;
  const size_t tokens = pieces.size();
  for (size_t t = 0; t < tokens; ++t) {
    float* row = scratch->hidden.data() + t * hidden;
    std::memcpy(row, positions_.data() + t * hidden, hidden * sizeof(float));
    words_.add_row(pieces[t], 1.0F, row);
  }
  kernels(simd_).add_and_normalise(scratch->hidden.data(), nullptr, tokens, hidden, 0, norm_.weight.data(),
                                   norm_.bias.data(), parts_.config.epsilon);
  for (const Layer& layer : layers_) run_layer(layer, tokens, scratch);
  pool(scratch->hidden.data(), tokens, out);
}

void TextEncoder::run_layer(const Layer& layer, size_t tokens, Scratch* scratch) const {
  const Kernels& k = kernels(simd_);
  const EncoderConfig& config = parts_.config;
  const size_t hidden = config.hidden;
  float* state = scratch->hidden.data();
  float* wide = scratch->wide.data();
  float* narrow = scratch->narrow.data();
  k.quantise(state, tokens, hidden, hidden, &scratch->rows);
  k.multiply(scratch->rows, tokens, layer.attention_in, wide);
  k.attend(wide, tokens, layer.attention_in.stride(), config.heads, hidden / config.heads,
           scratch->attention.data(), scratch->context.data());
  k.quantise(scratch->context.data(), tokens, hidden, hidden, &scratch->rows);
  k.multiply(scratch->rows, tokens, layer.attention_out, narrow);
  k.add_and_normalise(state, narrow, tokens, hidden, layer.attention_out.stride(),
                      layer.attention_norm.weight.data(), layer.attention_norm.bias.data(), config.epsilon);
  k.quantise(state, tokens, hidden, hidden, &scratch->rows);
  k.multiply(scratch->rows, tokens, layer.feed_in, wide);
  k.gelu(wide, tokens * layer.feed_in.stride());
  k.quantise(wide, tokens, config.intermediate, layer.feed_in.stride(), &scratch->rows);
  k.multiply(scratch->rows, tokens, layer.feed_out, narrow);
  k.add_and_normalise(state, narrow, tokens, hidden, layer.feed_out.stride(), layer.feed_norm.weight.data(),
                      layer.feed_norm.bias.data(), config.epsilon);
}

void TextEncoder::pool(const float* hidden, size_t tokens, float* out) const {
  const size_t width = parts_.config.hidden;
  const size_t count = parts_.config.pooling == Pooling::kMean ? tokens : 1;
  std::fill_n(out, parts_.dimensions, 0.0F);
  for (size_t t = 0; t < count; ++t) {
    for (size_t i = 0; i < parts_.dimensions; ++i) out[i] += hidden[t * width + i];
  }
  normalise(out, parts_.dimensions);
}

}  // namespace tau::memory

// Hashed words and parts of words.
#include "memory/hash_embedder.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "crypto/crypto.h"
#include "memory/text_analysis.h"

namespace tau::memory {
namespace {

constexpr uint64_t kWordSeed = 0x776f7264;
constexpr uint64_t kPartSeed = 0x70617274;
constexpr size_t kSlots = 2;
constexpr double kUnit = 1 << 16;  // sums are whole numbers of such parts
// How long all parts of a word are together, beside the word itself.
constexpr double kPartShare = 1.25;
// Beyond so many words parts count less: long texts have most parts in common, whatever they are about.
constexpr double kPartWords = 32;

using Sums = std::array<int64_t, HashEmbedder::kDimensions>;

// Each half of the hash is one slot: its top bit is the sign, the bits below choose the component.
void add_feature(uint64_t hash, int64_t weight, Sums* sums) {
  for (size_t slot = 0; slot < kSlots; ++slot, hash >>= 32) {
    const uint64_t low = hash & 0x7fff'ffff;
    const size_t component = static_cast<size_t>(low * HashEmbedder::kDimensions >> 31);
    (*sums)[component] += (hash & 0x8000'0000) != 0 ? -weight : weight;
  }
}

// A word of the text: every form of it that is different stands by itself, so that parts are of what was
// written.
struct Feature {
  uint64_t term = 0;
  uint64_t form = 0;
  size_t first = 0;  // its folded form, in the buffer
  size_t size = 0;
  uint32_t count = 1;
  bool has_parts = true;
};

class Reader {
 public:
  explicit Reader(std::string_view text) {
    StemReader reader(truncate_utf8(text, HashEmbedder::kMaxBytes));
    for (Stem stem; reader.next(&stem);) {
      const std::string_view form = stem.token.text;
      features_.push_back({.term = stem.term,
                           .form = crypto::checksum64(form),
                           .first = letters_.size(),
                           .size = form.size(),
                           .count = 1,
                           .has_parts = stem.token.kind == Token::Kind::kWord});
      letters_ += form;
      ++words_;
    }
    merge();
  }

  // What each term weighs is up to `weight`.
  template <class F>
  void add_to(Sums* sums, F&& weight) const {
    const double share = kPartShare * std::min(1.0, kPartWords / static_cast<double>(words_));
    for (const Feature& feature : features_) {
      const double each = weight(feature.term) * std::sqrt(static_cast<double>(feature.count)) * kUnit;
      add_feature(
          crypto::checksum64({reinterpret_cast<const char*>(&feature.term), sizeof feature.term}, kWordSeed),
          std::llround(each), sums);
      if (feature.has_parts) add_parts(feature, each * share, sums);
    }
  }

 private:
  void merge() {
    std::ranges::sort(features_, [](const Feature& a, const Feature& b) {
      return a.term != b.term ? a.term < b.term : a.form != b.form ? a.form < b.form : a.first < b.first;
    });
    size_t kept = 0;
    for (const Feature& feature : features_) {
      if (kept > 0 && features_[kept - 1].term == feature.term && features_[kept - 1].form == feature.form) {
        ++features_[kept - 1].count;
      } else {
        features_[kept++] = feature;
      }
    }
    features_.resize(kept);
  }

  // Every three, four and five characters of the word between its ends, in bytes: folded letters are nearly
  // always one.
  void add_parts(const Feature& feature, double weight, Sums* sums) const {
    char word[TokenReader::kMaxBytes + 16];
    const size_t size = std::min(feature.size, TokenReader::kMaxBytes) + 2;
    word[0] = '^';
    std::memcpy(word + 1, letters_.data() + feature.first, size - 2);
    word[size - 1] = '$';
    size_t parts = 0;
    for (size_t length = 3; length <= 5; ++length) parts += size >= length ? size - length + 1 : 0;
    if (parts == 0) return;
    const int64_t each = std::llround(weight / std::sqrt(static_cast<double>(parts)));
    for (size_t length = 3; length <= 5; ++length)
      for (size_t i = 0; i + length <= size; ++i)
        add_feature(crypto::checksum64({word + i, length}, kPartSeed), each, sums);
  }

  std::vector<Feature> features_;
  std::string letters_;
  size_t words_ = 0;
};

void normalise(const Sums& sums, float* out) {
  double squares = 0;
  for (const int64_t sum : sums) squares += static_cast<double>(sum) * static_cast<double>(sum);
  const double scale = squares > 0 ? 1 / std::sqrt(squares) : 0;
  for (const int64_t sum : sums) *out++ = static_cast<float>(static_cast<double>(sum) * scale);
}

}  // namespace

Status HashEmbedder::embed(const std::vector<std::string_view>& texts, Purpose, float* out) const {
  for (const std::string_view text : texts) {
    Sums sums{};
    Reader(text).add_to(&sums, [](uint64_t) { return 1.0; });
    normalise(sums, out);
    out += kDimensions;
  }
  return ok_status();
}

Status HashEmbedder::embed_query(std::string_view text, const TermWeights& weights, float* out) const {
  Sums sums{};
  Reader(text).add_to(&sums, [&](uint64_t term) { return weights.weight(term); });
  normalise(sums, out);
  return ok_status();
}

}  // namespace tau::memory

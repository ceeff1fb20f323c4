// Makers of vectors and the scan of floats.
#include "vector_data.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "json/json.h"
#include "memory/hash_embedder.h"
#include "memory/ranking.h"
#include "memory/text_analysis.h"
#include "zipf_words.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace tau::bench {
namespace {

using Random = std::mt19937_64;

float plain_dot(const float* a, const float* b, size_t dimensions) {
  float sums[16] = {};
  size_t i = 0;
  for (; i + 16 <= dimensions; i += 16)
    for (size_t j = 0; j < 16; ++j) sums[j] += a[i + j] * b[i + j];
  float out = 0;
  for (; i < dimensions; ++i) out += a[i] * b[i];
  for (const float sum : sums) out += sum;
  return out;
}

#if defined(__x86_64__)
__attribute__((target("avx2,fma"))) float avx2_dot(const float* a, const float* b, size_t dimensions) {
  __m256 sums[4] = {_mm256_setzero_ps(), _mm256_setzero_ps(), _mm256_setzero_ps(), _mm256_setzero_ps()};
  size_t i = 0;
  for (; i + 32 <= dimensions; i += 32)
    for (size_t j = 0; j < 4; ++j)
      sums[j] = _mm256_fmadd_ps(_mm256_loadu_ps(a + i + 8 * j), _mm256_loadu_ps(b + i + 8 * j), sums[j]);
  alignas(32) float eight[8];
  _mm256_store_ps(eight, _mm256_add_ps(_mm256_add_ps(sums[0], sums[1]), _mm256_add_ps(sums[2], sums[3])));
  float out = plain_dot(a + i, b + i, dimensions - i);
  for (const float one : eight) out += one;
  return out;
}
#endif

void normalise(float* x, size_t dimensions) {
  const float length = std::sqrt(float_dot(x, x, dimensions));
  for (size_t i = 0; length > 0 && i < dimensions; ++i) x[i] /= length;
}

void add_gaussian(Random& random, float spread, float* x, size_t dimensions) {
  std::normal_distribution<float> normal(0, spread);
  for (size_t i = 0; i < dimensions; ++i) x[i] += normal(random);
}

// Adds so much of an axis.
void add_axis(float weight, const float* axis, float* x, size_t dimensions) {
  for (size_t i = 0; i < dimensions; ++i) x[i] += weight * axis[i];
}

template <class Make>
VectorData made(const char* name, size_t count, size_t dimensions, size_t queries, const Make& make) {
  VectorData out{name, dimensions, std::vector<float>(count * dimensions),
                 std::vector<float>(queries * dimensions)};
  for (std::vector<float>* to : {&out.rows, &out.queries})
    for (size_t at = 0; at < to->size(); at += dimensions) {
      make(to->data() + at);
      normalise(to->data() + at, dimensions);
    }
  return out;
}

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> out;
  std::string word;
  for (const char c : std::string(text) + ' ') {
    if (std::isalnum(static_cast<unsigned char>(c)) != 0) {
      word += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    } else if (!word.empty()) {
      out.push_back(std::exchange(word, {}));
    }
  }
  return out;
}

// The words of the "text" of each line of a compressed file.
std::vector<std::vector<std::string>> texts_of(const std::string& path) {
  std::vector<std::vector<std::string>> out;
  std::FILE* pipe = popen(("xz -dcq '" + path + "' 2>/dev/null").c_str(), "r");
  if (pipe == nullptr) return out;
  std::string all;
  char buffer[1 << 16];
  for (size_t n; (n = std::fread(buffer, 1, sizeof buffer, pipe)) > 0;) all.append(buffer, n);
  pclose(pipe);
  for (size_t at = 0, end; (end = all.find('\n', at)) != std::string::npos; at = end + 1) {
    const auto line = json::parse(std::string_view(all).substr(at, end - at));
    const json::Value* text = line.ok() ? line->find("text") : nullptr;
    if (text != nullptr && text->is_string()) out.push_back(words_of(text->as_string()));
  }
  return out;
}

using Passage = std::vector<std::string>;

// Passages of twenty words, each `step` words behind the one before.
std::vector<Passage> passages_of(const std::vector<std::vector<std::string>>& texts, size_t step) {
  constexpr size_t kWords = 20;
  std::vector<Passage> out;
  for (const auto& text : texts)
    for (size_t at = 0; at == 0 || at + kWords <= text.size(); at += step)
      out.emplace_back(text.begin() + static_cast<std::ptrdiff_t>(std::min(at, text.size())),
                       text.begin() + static_cast<std::ptrdiff_t>(std::min(at + kWords, text.size())));
  return out;
}

class WordHasher {
 public:
  explicit WordHasher(const std::vector<Passage>& passages) : count_(passages.size()) {
    for (const Passage& passage : passages)
      for (const std::string& word : passage) ++frequency_[word];
  }
  // Each word in two components, with signs of their own.
  void add(const Passage& passage, float* x, size_t dimensions) const {
    for (const std::string& word : passage) {
      const auto found = frequency_.find(word);
      const double frequency = found == frequency_.end() ? 0 : static_cast<double>(found->second);
      const auto weight = static_cast<float>(std::log(1 + static_cast<double>(count_) / (1 + frequency)));
      Random hash(std::hash<std::string>()(word));
      for (int slot = 0; slot < 2; ++slot) {
        const uint64_t h = hash();
        x[(h >> 1) % dimensions] += (h & 1) != 0 ? weight : -weight;
      }
    }
  }

 private:
  size_t count_;
  std::unordered_map<std::string, size_t> frequency_;
};

// How rare terms are in texts.
class Rarity final : public memory::TermWeights {
 public:
  void count(const std::string& text) {
    terms_.clear();
    memory::Analyzer().analyze(text, &terms_);
    std::sort(terms_.begin(), terms_.end());
    terms_.erase(std::unique(terms_.begin(), terms_.end()), terms_.end());
    for (const uint64_t term : terms_) ++documents_[term];
    ++count_;
  }
  double weight(uint64_t term) const override {
    const auto found = documents_.find(term);
    return memory::inverse_document_frequency(count_, found == documents_.end() ? 0 : found->second);
  }

 private:
  int64_t count_ = 0;
  std::unordered_map<uint64_t, int64_t> documents_;
  std::vector<uint64_t> terms_;
};

}  // namespace

float float_dot(const float* a, const float* b, size_t dimensions) {
#if defined(__x86_64__)
  static const bool fast = __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("fma") != 0;
  if (fast) return avx2_dot(a, b, dimensions);
#endif
  return plain_dot(a, b, dimensions);
}

VectorData clustered_vectors(size_t count, size_t dimensions, size_t queries) {
  constexpr size_t kSpread = 24;
  Random random(5);
  const size_t clusters = std::max<size_t>(10, count / 200);
  const size_t groups = std::max<size_t>(4, clusters / 50);
  std::vector<float> group_centres(groups * dimensions);
  std::vector<float> axes(groups * kSpread * dimensions);
  add_gaussian(random, 1, group_centres.data(), group_centres.size());
  add_gaussian(random, 1 / std::sqrt(static_cast<float>(kSpread)), axes.data(), axes.size());
  std::vector<float> centres(clusters * dimensions);
  for (size_t c = 0; c < clusters; ++c) {
    add_axis(1, &group_centres[c % groups * dimensions], &centres[c * dimensions], dimensions);
    add_gaussian(random, 0.7F, &centres[c * dimensions], dimensions);
  }
  std::normal_distribution<float> normal(0, 0.6F);
  return made("clustered", count, dimensions, queries, [&](float* x) {
    const size_t c = random() % clusters;
    add_axis(1, &centres[c * dimensions], x, dimensions);
    for (size_t i = 0; i < kSpread; ++i)
      add_axis(normal(random), &axes[(c % groups * kSpread + i) * dimensions], x, dimensions);
  });
}

VectorData diffuse_vectors(size_t count, size_t dimensions, size_t queries) {
  constexpr size_t kLatent = 64;
  Random random(6);
  std::vector<float> axes(kLatent * dimensions);
  add_gaussian(random, 1, axes.data(), axes.size());
  std::normal_distribution<float> normal;
  return made("diffuse", count, dimensions, queries, [&](float* x) {
    for (size_t i = 0; i < kLatent; ++i)
      add_axis(normal(random) / std::sqrt(static_cast<float>(i + 1)), &axes[i * dimensions], x, dimensions);
  });
}

VectorData text_vectors(const std::string& folder, size_t count, size_t dimensions, size_t queries) {
  std::vector<std::vector<std::string>> texts;
  std::vector<Passage> asked;
  for (const char* set : {"cranfield", "cisi", "locomo-dev"}) {
    for (auto& text : texts_of(folder + "/" + set + "/docs.jsonl.xz")) texts.push_back(std::move(text));
    for (auto& text : texts_of(folder + "/" + set + "/queries.jsonl.xz")) asked.push_back(std::move(text));
  }
  Random random(7);
  std::vector<Passage> passages = passages_of(texts, 4);
  std::shuffle(passages.begin(), passages.end(), random);
  std::shuffle(asked.begin(), asked.end(), random);
  passages.resize(std::min(passages.size(), count));
  asked.resize(std::min(asked.size(), queries));
  const WordHasher hasher(passages);
  size_t next = 0;
  return made("text", passages.size(), dimensions, asked.size(), [&](float* x) {
    hasher.add(next < passages.size() ? passages[next] : asked[next - passages.size()], x, dimensions);
    ++next;
  });
}

VectorData zipf_vectors(size_t count, size_t queries) {
  constexpr size_t kWordsOfQuery = 5;
  const ZipfWords words;
  const memory::HashEmbedder embedder;
  Random random(8);
  Rarity rarity;
  size_t next = 0;
  return made("zipf", count, embedder.dimensions(), queries, [&](float* x) {
    const std::string text = next < count ? words.text(random) : words.query(random, kWordsOfQuery);
    if (next < count) rarity.count(text);
    const Status done = next++ < count ? embedder.embed({text}, memory::Purpose::kDocument, x)
                                       : embedder.embed_query(text, rarity, x);
    if (!done.ok()) std::abort();
  });
}

std::vector<FloatHit> exact_ten(const VectorData& data, const float* query) {
  constexpr size_t kTen = 10;
  const auto better = [](const FloatHit& a, const FloatHit& b) { return a.score > b.score; };
  std::vector<FloatHit> heap;  // the worst of the ten in front
  for (uint32_t i = 0; i < data.count(); ++i) {
    const float score = float_dot(data.row(i), query, data.dimensions);
    if (heap.size() == kTen && score <= heap.front().score) continue;
    if (heap.size() == kTen) {
      std::pop_heap(heap.begin(), heap.end(), better);
      heap.pop_back();
    }
    heap.push_back({score, i});
    std::push_heap(heap.begin(), heap.end(), better);
  }
  std::sort_heap(heap.begin(), heap.end(), better);
  return heap;
}

}  // namespace tau::bench

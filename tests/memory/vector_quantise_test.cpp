// Rotation, eight bits and sign codes: what they keep of a vector, and that every CPU makes the same of it.
#include "memory/vector_quantise.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <bit>
#include <limits>
#include <numeric>
#include <random>

#include "memory/vector_code.h"
#include "memory/vector_fine.h"
#include "memory/vector_kernels.h"
#include "memory/vector_query.h"
#include "vector_samples.h"

namespace tau::memory {
namespace {

constexpr size_t kDimensions[] = {1, 2, 63, 64, 65, 100, 256, 300, 384, 768, 1024, 1536, 3072, 8192};

TEST(Rotation, KeepsLengthsAndAnglesAndCanBeUndone) {
  std::mt19937_64 random(1);
  for (const size_t dimensions : kDimensions) {
    const size_t padded = padded_dimensions(dimensions);
    const Floats a = gaussian(random, padded);
    const Floats b = gaussian(random, padded);
    Floats turned_a = a;
    Floats turned_b = b;
    rotate(turned_a.data(), padded);
    rotate(turned_b.data(), padded);
    const double scale = std::sqrt(dot_of(a, a) * dot_of(b, b));
    EXPECT_NEAR(dot_of(turned_a, turned_a) / dot_of(a, a), 1, 1e-5) << padded;
    EXPECT_NEAR(dot_of(turned_a, turned_b) / scale, dot_of(a, b) / scale, 1e-5) << padded;
    rotate_back(turned_a.data(), padded);
    for (size_t i = 0; i < padded; ++i) EXPECT_NEAR(turned_a[i], a[i], 1e-4) << padded;
  }
}

TEST(Rotation, SpreadsOneComponentOverAll) {
  for (const size_t padded : {64, 256, 320, 384, 768, 1536, 3072})
    for (const size_t hot : {size_t{0}, padded / 2, padded - 1}) {
      Floats x(padded);
      x[hot] = 1;
      rotate(x.data(), padded);
      const auto [least, most] = std::minmax_element(x.begin(), x.end());
      const double bound = 5.5 / std::sqrt(static_cast<double>(padded));
      EXPECT_LT(std::max(-*least, *most), bound) << padded << " " << hot;
    }
}

// Rows are kept in databases: the same vector is the same bytes for ever.
TEST(Quantise, NeverChangesItsBytes) {
  Floats x(100);
  for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(static_cast<int>(i * 37 % 101) - 50);
  const std::string bytes = quantised(x);
  uint64_t sum = 0;
  for (const char c : bytes) sum = sum * 31 + static_cast<uint8_t>(c);
  EXPECT_EQ(sum, 10023417190354846719U);
}

TEST(Quantise, KeepsDirections) {
  std::mt19937_64 random(1);
  for (const size_t dimensions : kDimensions) {
    const Floats x = gaussian(random, dimensions);
    const std::string bytes = quantised(x);
    EXPECT_EQ(bytes.size(), vector_bytes(dimensions));
    Floats back(dimensions);
    ASSERT_TRUE(dequantise(bytes, dimensions, back.data()).ok());
    EXPECT_GT(cosine_of(x, back), 1 - 6e-5) << dimensions;
    EXPECT_NEAR(dot_of(back, back), 1, 1e-3) << dimensions;
    EXPECT_NEAR(*cosine(bytes, bytes), 1, 1e-6);
    const Floats y = gaussian(random, dimensions);
    EXPECT_NEAR(*cosine(bytes, quantised(y)), cosine_of(x, y), 0.02) << dimensions;
  }
}

TEST(Quantise, KeepsDirectionsOfSparseAndOfTinyAndHugeVectors) {
  for (const float unit : {1e-45F, 1e-30F, 1.0F, 1e30F, std::numeric_limits<float>::max()}) {
    Floats x(256);
    x[3] = unit;
    x[200] = -unit;
    Floats back(256);
    ASSERT_TRUE(dequantise(quantised(x), 256, back.data()).ok());
    EXPECT_NEAR(back[3], std::sqrt(0.5), 0.01) << unit;
    EXPECT_NEAR(back[200], -std::sqrt(0.5), 0.01) << unit;
    EXPECT_NEAR(back[4], 0, 0.01) << unit;
  }
}

TEST(Quantise, RefusesWhatIsNoVector) {
  Floats x(8, 1.0F);
  EXPECT_EQ(quantise(x.data(), 0).status().reason(), "vector_dimensions");
  EXPECT_EQ(quantise(x.data(), kMaxVectorDimensions + 1).status().reason(), "vector_dimensions");
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
                          -std::numeric_limits<float>::infinity()}) {
    x[5] = bad;
    EXPECT_EQ(quantise(x.data(), 8).status().reason(), "vector_not_finite");
    EXPECT_EQ(VectorQuery::make(x.data(), 8).status().reason(), "vector_not_finite");
  }
  const std::string good = quantised(Floats(8, 1.0F));
  EXPECT_TRUE(check_vector_bytes(good, 8).ok());
  EXPECT_EQ(check_vector_bytes(good, 65).reason(), "vector_bytes");
  EXPECT_EQ(check_vector_bytes("", 8).reason(), "vector_bytes");
  std::string bad = good;
  bad[1] = static_cast<char>(-128);
  EXPECT_EQ(check_vector_bytes(bad, 8).reason(), "vector_bytes");
  EXPECT_EQ(cosine(good, good.substr(1)).status().reason(), "vector_bytes");
  EXPECT_EQ(cosine("", "").status().reason(), "vector_bytes");
}

struct Rows {
  std::vector<VectorLine> rows;
  std::vector<VectorLine> blocks;
  size_t count = 0;
  const int8_t* data() const { return reinterpret_cast<const int8_t*>(rows.data()); }
};

// Any bytes but -128, as quantise() never writes that.
Rows any_rows(std::mt19937_64& random, size_t padded, size_t count) {
  Rows out;
  out.count = count;
  out.rows.resize(count * row_lines(padded));
  out.blocks.resize((count + kBlockDocs - 1) / kBlockDocs * block_lines(padded));
  auto* bytes = reinterpret_cast<int8_t*>(out.rows.data());
  for (size_t i = 0; i < count * padded; ++i)
    bytes[i] = static_cast<int8_t>(static_cast<int>(random() % 255) - 127);
  for (size_t i = 0; i < count; ++i) write_code(bytes + i * padded, padded, i, out.blocks.data());
  return out;
}

// All that this CPU has: also those that it has faster ones for.
TEST(Kernels, OfThisCpuGiveTheBitsOfThePlainOnes) {
  rc::check([] {
    const auto kernels = *rc::gen::elementOf(all_vector_kernels());
    std::mt19937_64 random(*rc::gen::arbitrary<uint64_t>());
    const auto padded = *rc::gen::element<size_t>(64, 128, 256, 384, 1536, 3072, 8192);
    const auto count = *rc::gen::inRange<size_t>(1, 150);
    const Rows rows = any_rows(random, padded, count);
    const VectorQuery query = query_of(gaussian(random, padded));
    std::vector<uint32_t> which;
    for (uint32_t i = 0; i < count; ++i)
      if (random() % 3 != 0) which.push_back(i);
    std::vector<int32_t> plain(which.size());
    std::vector<int32_t> fast(which.size());
    portable_vector_kernels().dots(rows.data(), padded, query.values(), which.data(), which.size(),
                                   plain.data());
    kernels->dots(rows.data(), padded, query.values(), which.data(), which.size(), fast.data());
    RC_ASSERT(plain == fast);

    const size_t blocks = (count + kBlockDocs - 1) / kBlockDocs;
    const CodeQuery code{padded, query.weights(), static_cast<int16_t>(query.middle())};
    std::vector<uint32_t> eligible(blocks);
    for (uint32_t& bits : eligible) bits = static_cast<uint32_t>(random() % 4 == 0 ? 0 : random());
    std::vector<int16_t> plain_estimates(blocks * kBlockDocs);
    std::vector<int16_t> fast_estimates(blocks * kBlockDocs);
    std::vector<uint32_t> plain_above(blocks);
    std::vector<uint32_t> fast_above(blocks);
    const auto bar = static_cast<int16_t>(random() % 200);
    portable_vector_kernels().estimate(rows.blocks.data(), blocks, code, bar, eligible.data(),
                                       plain_estimates.data(), plain_above.data());
    kernels->estimate(rows.blocks.data(), blocks, code, bar, eligible.data(), fast_estimates.data(),
                      fast_above.data());
    RC_ASSERT(plain_estimates == fast_estimates);
    RC_ASSERT(plain_above == fast_above);

    std::vector<uint64_t> fine(count * fine_words(padded));
    for (size_t i = 0; i < count; ++i)
      write_fine_code(rows.data() + i * padded, padded, &fine[i * fine_words(padded)]);
    portable_vector_kernels().fine(fine.data(), padded, query.fine_weights(), which.data(), which.size(),
                                   plain.data());
    kernels->fine(fine.data(), padded, query.fine_weights(), which.data(), which.size(), fast.data());
    RC_ASSERT(plain == fast);
    for (size_t i = 0; i < which.size(); ++i) {
      int32_t sum = 0;
      for (size_t j = 0; j < padded; ++j)
        if ((fine[which[i] * fine_words(padded) + j / 64] >> j % 64 & 1) != 0) sum += query.fine_weights()[j];
      RC_ASSERT(plain[i] == sum);
    }
  });
}

// The largest that can be: nothing overflows.
TEST(Kernels, TakeTheLargestOfAll) {
  for (const size_t padded : {64, 256, 3072, 8192}) {
    std::vector<VectorLine> rows(row_lines(padded));
    std::vector<VectorLine> blocks(block_lines(padded));
    auto* row = reinterpret_cast<int8_t*>(rows.data());
    std::string bytes(vector_bytes(padded), '\0');
    for (size_t i = 0; i < padded; ++i) bytes[i] = static_cast<char>(row[i] = i % 3 == 0 ? -127 : 127);
    const float factor = row_factor(row, padded);
    std::copy_n(reinterpret_cast<const char*>(&factor), sizeof factor, bytes.data() + padded);
    write_code(row, padded, 0, blocks.data());
    Floats x(padded);
    ASSERT_TRUE(dequantise(bytes, padded, x.data()).ok());
    const VectorQuery query = query_of(x);
    const uint32_t first = 0;
    const uint32_t eligible = 1;
    const CodeQuery code{padded, query.weights(), static_cast<int16_t>(query.middle())};
    for (const VectorKernels* kernels : all_vector_kernels()) {
      int32_t dot = 0;
      kernels->dots(row, padded, query.values(), &first, 1, &dot);
      EXPECT_NEAR(query.score(dot, factor), 1, 1e-3) << padded;
      int16_t estimates[kBlockDocs];
      uint32_t above = 0;
      kernels->estimate(blocks.data(), 1, code, 0, &eligible, estimates, &above);
      EXPECT_EQ(above, 1U) << padded;
      EXPECT_LE(estimates[0], query.reach());
      EXPECT_NEAR(estimates[0] / query.estimate_of(1), 1, 0.02) << padded;
    }
  }
}

int16_t estimate_of_row(const VectorQuery& query, const std::string& bytes) {
  std::vector<VectorLine> block(block_lines(query.padded()));
  write_code(reinterpret_cast<const int8_t*>(bytes.data()), query.padded(), 0, block.data());
  const CodeQuery code{query.padded(), query.weights(), static_cast<int16_t>(query.middle())};
  int16_t estimates[kBlockDocs];
  const uint32_t eligible = 1;
  uint32_t above = 0;
  vector_kernels().estimate(block.data(), 1, code, 0, &eligible, estimates, &above);
  return estimates[0];
}

double fine_estimate_of_row(const VectorQuery& query, const std::string& bytes) {
  std::vector<uint64_t> code(fine_words(query.padded()));
  write_fine_code(reinterpret_cast<const int8_t*>(bytes.data()), query.padded(), code.data());
  const uint32_t first = 0;
  int32_t sum = 0;
  vector_kernels().fine(code.data(), query.padded(), query.fine_weights(), &first, 1, &sum);
  return std::ldexp(query.fine_estimate(estimate_of_row(query, bytes), sum), -VectorQuery::kFineBits);
}

TEST(Codes, TellLargeComponentsFromSmallOnes) {
  std::vector<int8_t> row(64, 10);
  uint64_t code = 0;
  write_fine_code(row.data(), 64, &code);
  EXPECT_EQ(std::popcount(code), 40) << "of equal ones the first are the large ones, to their share of all";
  EXPECT_EQ(code & 0xff, 0xffU);
  row.assign(64, -1);
  row[5] = 127;
  row[6] = -127;
  write_fine_code(row.data(), 64, &code);
  EXPECT_EQ(code >> 5 & 3, 1U);
  EXPECT_EQ(std::popcount(code), 63) << "those that are negative and small";
  row.assign(64, 0);
  write_fine_code(row.data(), 64, &code);
  row.assign(64, INT8_MIN);  // never written, but a file may hold it
  write_fine_code(row.data(), 64, &code);
}

// Errors of estimates are those that the search counts on.
TEST(Codes, EstimateCosines) {
  std::mt19937_64 random(11);
  constexpr int kQueries = 200;
  constexpr int kRowsEach = 10;
  for (const size_t dimensions : {256, 384, 1024}) {
    double squares = 0;
    double sum = 0;
    double fine_squares = 0;
    double fine_sum = 0;
    for (int i = 0; i < kQueries; ++i) {
      const Floats x = gaussian(random, dimensions);
      const VectorQuery query = query_of(x);
      for (int j = 0; j < kRowsEach; ++j) {
        Floats y = gaussian(random, dimensions);
        for (size_t at = 0; at < dimensions; ++at) y[at] += x[at];
        const double real = cosine_of(x, y);
        const double error = estimate_of_row(query, quantised(y)) / query.estimate_of(1) - real;
        sum += error;
        squares += error * error / ((1 - real * real) * 0.5708 / static_cast<double>(dimensions));
        const double fine_error = fine_estimate_of_row(query, quantised(y)) - real;
        fine_sum += fine_error;
        fine_squares +=
            fine_error * fine_error / ((1 - real * real) * 0.14 / static_cast<double>(dimensions));
      }
    }
    constexpr int kTimes = kQueries * kRowsEach;
    EXPECT_NEAR(sum / kTimes, 0, 0.005) << dimensions;
    EXPECT_NEAR(squares / kTimes, 1, 0.25) << dimensions;
    EXPECT_NEAR(fine_sum / kTimes, 0, 0.005) << dimensions;
    EXPECT_NEAR(fine_squares / kTimes, 1, 0.25) << dimensions;
  }
}

}  // namespace
}  // namespace tau::memory

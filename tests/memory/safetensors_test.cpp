// Files of tensors: what is read, and that nothing odd passes.
#include "memory/safetensors.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

namespace tau::memory {
namespace {

std::string file_of(std::string header, std::string data) {
  const uint64_t length = header.size();
  std::string out(sizeof(length), '\0');
  std::memcpy(out.data(), &length, sizeof(length));
  return out + header + data;
}

std::string entry(std::string_view name, std::string_view type, std::string_view shape, int begin, int end) {
  return format("\"{}\":{{\"dtype\":\"{}\",\"shape\":{},\"data_offsets\":[{},{}]}}", name, type, shape, begin,
                end);
}

std::string one(std::string_view type, std::string_view shape, int begin, int end, size_t bytes) {
  return file_of("{" + entry("a", type, shape, begin, end) + "}", std::string(bytes, '\0'));
}

TEST(Safetensors, ReadsWhatItWrites) {
  const std::vector<float> numbers = {1, -2.5F, 3, 4, 5, 6};
  const std::string ints = "\x01\xff\x80";
  SafetensorsWriter writer;
  writer.add("z", TensorType::kF32, {2, 3}, {reinterpret_cast<const char*>(numbers.data()), 24});
  writer.add("a", TensorType::kI8, {3}, ints);
  writer.add("empty", TensorType::kF32, {0, 4}, "");
  const std::string file = writer.write();
  const StatusOr<Safetensors> read = Safetensors::read(file);
  ASSERT_TRUE(read.ok()) << read.status().to_string();
  EXPECT_EQ(*read->floats("z", {2, 3}), numbers);
  EXPECT_EQ(*read->floats("a", {3}), (std::vector<float>{1, -1, -128}));
  EXPECT_EQ(read->floats("empty", {0, 4})->size(), 0U);
  EXPECT_EQ(read->find("b"), nullptr);
  EXPECT_NE(read->floats("b", {1}).status().message().find("\"b\""), std::string_view::npos);
  EXPECT_EQ(read->floats("z", {3, 2}).status().reason(), "invalid_model");
}

TEST(Safetensors, ReadsHalvesOfBothKinds) {
  const std::string halves("\x00\x3c\x00\xc0\x01\x00\xff\x7b\x00\x80", 10);  // 1 -2 2^-24 65504 -0
  const std::string brains("\x80\x3f\x00\xc0", 4);                           // 1 -2
  SafetensorsWriter writer;
  writer.add("h", TensorType::kF16, {5}, halves);
  writer.add("b", TensorType::kBf16, {2}, brains);
  const std::string file = writer.write();
  const StatusOr<Safetensors> read = Safetensors::read(file);
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(*read->floats("h", {5}), (std::vector<float>{1, -2, std::ldexp(1.0F, -24), 65504, -0.0F}));
  EXPECT_EQ(*read->floats("b", {2}), (std::vector<float>{1, -2}));
  EXPECT_TRUE(std::isinf(half_to_float(0x7c00)));
  EXPECT_TRUE(std::isnan(half_to_float(0x7e00)));
}

TEST(Safetensors, SkipsItsMetadata) {
  EXPECT_TRUE(Safetensors::read(file_of("{\"__metadata__\":{\"format\":\"pt\"}}   ", "")).ok());
}

TEST(Safetensors, RefusesWhateverIsOdd) {
  const std::string good = one("F32", "[2]", 0, 8, 8);
  ASSERT_TRUE(Safetensors::read(good).ok());
  const std::string overlapping =
      "{" + entry("a", "I8", "[4]", 0, 4) + "," + entry("b", "I8", "[4]", 2, 6) + "}";
  const std::string with_hole =
      "{" + entry("a", "I8", "[4]", 0, 4) + "," + entry("b", "I8", "[2]", 5, 7) + "}";
  const std::string twice = "{" + entry("a", "I8", "[4]", 0, 4) + "," + entry("a", "I8", "[4]", 4, 8) + "}";
  const std::vector<std::string> bad = {
      "",
      "abc",
      std::string("\xff\xff\xff\xff\xff\xff\xff\xff{}", 10),
      std::string("\x00\x00\x00\x01\x00\x00\x00\x00{}", 10),
      file_of("[]", ""),
      file_of(" {}", ""),
      file_of("{", ""),
      file_of("{\"a\":1}", ""),
      good + "x",
      good.substr(0, good.size() - 1),
      one("F33", "[2]", 0, 8, 8),
      one("F32", "[3]", 0, 8, 8),
      one("F32", "[-2]", 0, 8, 8),
      one("F32", "[2.5]", 0, 8, 8),
      one("F32", "2", 0, 8, 8),
      one("F32", "[2]", 8, 0, 8),
      one("F32", "[2]", -8, 0, 8),
      one("F32", "[4611686018427387904,4]", 0, 0, 0),
      one("F32", "[1,1,1,1,1,1,1,1,2]", 0, 8, 8),
      file_of(overlapping, std::string(6, '\0')),
      file_of(with_hole, std::string(7, '\0')),
      file_of(twice, std::string(8, '\0')),
  };
  for (const std::string& file : bad) {
    const Status status = Safetensors::read(file).status();
    EXPECT_EQ(status.reason(), "invalid_model") << file;
    EXPECT_EQ(status.code(), Code::kDataLoss) << file;
  }
}

TEST(Safetensors, NamesTheTensorThatIsDamaged) {
  const Status status = Safetensors::read(one("F32", "[2]", 0, 16, 8)).status();
  EXPECT_NE(status.message().find("\"a\""), std::string_view::npos);
}

TEST(Safetensors, RefusesNumbersThatAreNotFinite) {
  const std::vector<float> numbers = {1, INFINITY};
  SafetensorsWriter writer;
  writer.add("a", TensorType::kF32, {2}, {reinterpret_cast<const char*>(numbers.data()), 8});
  const std::string file = writer.write();
  EXPECT_EQ(Safetensors::read(file)->floats("a", {2}).status().reason(), "invalid_model");
}

TEST(Safetensors, EveryTruncationIsRefused) {
  const std::string good = one("F32", "[2]", 0, 8, 8);
  for (size_t size = 0; size < good.size(); ++size)
    EXPECT_FALSE(Safetensors::read(good.substr(0, size)).ok()) << size;
}

}  // namespace
}  // namespace tau::memory

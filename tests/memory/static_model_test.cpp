// Static models: the mean of the pieces' vectors, by their weights, through their mapping.
#include "memory/static_model.h"

#include <gtest/gtest.h>

#include <cmath>

#include "model_fixture.h"

namespace tau::memory {
namespace {

using test::bytes_of;

constexpr size_t kRows = test::kPieces;
constexpr size_t kColumns = 12;

std::vector<float> table(size_t rows = kRows, size_t columns = kColumns) {
  std::vector<float> out;
  for (size_t i = 0; i < rows * columns; ++i) out.push_back(std::sin(static_cast<float>(i) * 0.7F));
  return out;
}

struct Files {
  std::vector<float> rows = table();
  std::vector<float> weights;
  std::vector<int64_t> mapping;
  std::string name = "embeddings";
  std::string write() const {
    SafetensorsWriter writer;
    writer.add(name, TensorType::kF32, {rows.size() / kColumns, kColumns}, bytes_of(rows));
    if (!weights.empty()) writer.add("weights", TensorType::kF32, {weights.size()}, bytes_of(weights));
    if (!mapping.empty())
      writer.add("mapping", TensorType::kI64, {mapping.size()},
                 {reinterpret_cast<const char*>(mapping.data()), mapping.size() * sizeof(int64_t)});
    return writer.write();
  }
};

StatusOr<std::unique_ptr<StaticModel>> make(const Files& files, size_t dimensions = 0) {
  const std::string file = files.write();
  TAU_ASSIGN_OR_RETURN(const Safetensors tensors, Safetensors::read(file));
  return StaticModel::make({.name = "words",
                            .tokenizer = *WordPiece::from_vocabulary(test::kVocabulary, {}),
                            .dimensions = dimensions},
                           tensors);
}

std::vector<float> embed(const StaticModel& model, std::string_view text) {
  std::vector<float> out(model.dimensions());
  EXPECT_TRUE(model.embed({text}, Purpose::kDocument, out.data()).ok());
  return out;
}

// The weighted mean of rows, to length 1.
std::vector<double> expected(const Files& files, const std::vector<std::pair<size_t, double>>& parts,
                             size_t columns) {
  std::vector<double> out(columns);
  double length = 0;
  for (const auto& [row, weight] : parts) {
    for (size_t i = 0; i < columns; ++i)
      out[i] += weight * static_cast<double>(files.rows[row * kColumns + i]);
  }
  for (const double value : out) length += value * value;
  for (double& value : out) value /= std::sqrt(length);
  return out;
}

void expect_near(const std::vector<float>& got, const std::vector<double>& wanted) {
  ASSERT_EQ(got.size(), wanted.size());
  for (size_t i = 0; i < got.size(); ++i) EXPECT_NEAR(static_cast<double>(got[i]), wanted[i], 0.01) << i;
}

TEST(StaticModel, GivesTheMeanOfItsPieces) {
  Files files;
  const auto model = make(files);
  ASSERT_TRUE(model.ok()) << model.status().to_string();
  EXPECT_EQ((*model)->dimensions(), kColumns);
  EXPECT_FALSE((*model)->slow());
  expect_near(embed(**model, "the cat sat"), expected(files, {{4, 1}, {5, 1}, {7, 1}}, kColumns));
  expect_near(embed(**model, "cats cats"), expected(files, {{5, 2}, {6, 2}}, kColumns));
  expect_near(embed(**model, "cat unheard"),
              expected(files, {{5, 1}}, kColumns));  // unknown words say nothing
  EXPECT_EQ(embed(**model, "unheard"), std::vector<float>(kColumns));
  EXPECT_EQ(embed(**model, ""), std::vector<float>(kColumns));
}

TEST(StaticModel, TakesWeightsAndMapping) {
  Files files;
  files.weights.assign(kRows, 0.5F);
  files.weights[5] = 3;
  files.mapping.assign(kRows, 1);
  files.mapping[5] = 9;
  files.rows = table(10);
  const auto model = make(files);
  ASSERT_TRUE(model.ok()) << model.status().to_string();
  expect_near(embed(**model, "the cat"), expected(files, {{1, 0.5}, {9, 3}}, kColumns));
}

TEST(StaticModel, CutsToTheFirstDimensions) {
  Files files;
  files.name = "embedding.weight";
  const auto model = make(files, 8);
  ASSERT_TRUE(model.ok());
  expect_near(embed(**model, "the cat"), expected(files, {{4, 1}, {5, 1}}, 8));
  EXPECT_NE((*model)->id(), (*make(files))->id());
  EXPECT_EQ(make(files, kColumns + 1).status().reason(), "invalid_model");
}

TEST(StaticModel, ABatchChangesNoRow) {
  const auto model = make(Files());
  const std::vector<std::string_view> texts = {"the cat", "", "dogs run a mat"};
  std::vector<float> all(texts.size() * kColumns);
  ASSERT_TRUE((*model)->embed(texts, Purpose::kQuery, all.data()).ok());
  for (size_t i = 0; i < texts.size(); ++i) {
    const std::vector<float> alone = embed(**model, texts[i]);
    EXPECT_TRUE(std::equal(alone.begin(), alone.end(), all.begin() + static_cast<ptrdiff_t>(i * kColumns)));
  }
}

TEST(StaticModel, RefusesTensorsThatDoNotFit) {
  const auto reason = [](const Files& files) { return std::string(make(files).status().reason()); };
  Files files;
  files.name = "other";
  EXPECT_EQ(reason(files), "invalid_model");
  files = Files();
  files.rows = table(kRows - 1);
  EXPECT_EQ(reason(files), "invalid_model");
  files = Files();
  files.weights.assign(kRows - 1, 1);
  EXPECT_EQ(reason(files), "invalid_model");
  files = Files();
  files.mapping.assign(kRows, 0);
  files.mapping[3] = kRows;
  EXPECT_EQ(reason(files), "invalid_model");
  files.mapping[3] = -1;
  EXPECT_EQ(reason(files), "invalid_model");
  files = Files();
  files.rows[7] = INFINITY;
  EXPECT_EQ(reason(files), "invalid_model");
}

}  // namespace
}  // namespace tau::memory

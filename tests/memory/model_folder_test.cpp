// Folders of models: which kind they hold, how they are made smaller, and what is said of damaged ones.
#include "memory/model_folder.h"

#include <gtest/gtest.h>

#include "model_fixture.h"
#include "support/temp_dir.h"

namespace tau::memory {
namespace {

using test::small_config;
using test::small_weights;

constexpr const char* kConfig =
    R"({"model_type":"bert","hidden_act":"gelu","vocab_size":20,"hidden_size":32,"num_hidden_layers":2,)"
    R"("num_attention_heads":4,"intermediate_size":64,"max_position_embeddings":40,"type_vocab_size":2,)"
    R"("layer_norm_eps":1e-12})";

// An encoder's folder, as sentence encoders are given away.
std::string write_encoder(const tau::test::TempDir& dir, const std::string& name) {
  dir.write(name + "/config.json", kConfig);
  dir.write(name + "/vocab.txt", test::kVocabulary);
  dir.write(name + "/sentence_bert_config.json", R"({"max_seq_length":24})");
  dir.write(name + "/1_Pooling/config.json",
            R"({"pooling_mode_cls_token":false,"pooling_mode_mean_tokens":true})");
  dir.write(name + "/model.safetensors", small_weights(small_config()).file());
  return dir.file(name);
}

std::vector<float> embed(const Embedder& model, std::string_view text) {
  std::vector<float> out(model.dimensions());
  EXPECT_TRUE(model.embed({text}, Purpose::kDocument, out.data()).ok());
  return out;
}

TEST(ModelFolder, HoldsAnEncoder) {
  const tau::test::TempDir dir;
  const auto model = load_model(write_encoder(dir, "tiny"));
  ASSERT_TRUE(model.ok()) << model.status().to_string();
  EXPECT_TRUE((*model)->id().starts_with("file:tiny@"));
  EXPECT_EQ((*model)->dimensions(), 32U);
  EXPECT_TRUE((*model)->slow());
  EXPECT_EQ(load_model(dir.file("tiny"), {.dimensions = 16}).value()->dimensions(), 16U);
}

TEST(ModelFolder, HoldsAStaticModel) {
  const tau::test::TempDir dir;
  const std::vector<float> rows(test::kPieces * 8, 0.5F);
  SafetensorsWriter writer;
  writer.add("embeddings", TensorType::kF32, {test::kPieces, 8}, test::bytes_of(rows));
  dir.write("words/model.safetensors", writer.write());
  dir.write("words/vocab.txt", test::kVocabulary);
  const auto model = load_model(dir.file("words"));
  ASSERT_TRUE(model.ok()) << model.status().to_string();
  EXPECT_EQ((*model)->dimensions(), 8U);
  EXPECT_FALSE((*model)->slow());
}

TEST(ModelFolder, MeasuresHowAlikeUnrelatedTextsAreWhereNobodySaidSo) {
  const tau::test::TempDir dir;
  const std::string from = write_encoder(dir, "tiny");
  const auto before = load_model(from);
  ASSERT_TRUE(before.ok()) << before.status().to_string();
  EXPECT_GE((*before)->unrelated_cosine(), 0);
  EXPECT_LE((*before)->unrelated_cosine(), 0.9);
  ASSERT_TRUE(convert_model(from, {.name = "tiny"}, dir.file("small")).ok());
  const StatusOr<ModelManifest> read = read_manifest(dir.read("small/model.json"));
  ASSERT_TRUE(read.ok());
  EXPECT_NEAR(read->unrelated_cosine, (*before)->unrelated_cosine(), 1e-9);
  EXPECT_NEAR((*load_model(dir.file("small")))->unrelated_cosine(), read->unrelated_cosine, 1e-9);
}

TEST(ModelFolder, IsMadeSmallerAndKeepsItsVectors) {
  const tau::test::TempDir dir;
  const std::string from = write_encoder(dir, "tiny");
  const ModelManifest manifest{.name = "tiny",
                               .licence = "Apache-2.0",
                               .source = "here",
                               .usual_weight = 0.25,
                               .unrelated_cosine = 0.5};
  ASSERT_TRUE(convert_model(from, manifest, dir.file("small")).ok());
  EXPECT_LT(dir.read("small/model.safetensors").size(), dir.read("tiny/model.safetensors").size() / 2);
  const auto before = load_model(from);
  const auto after = load_model(dir.file("small"));
  ASSERT_TRUE(after.ok()) << after.status().to_string();
  EXPECT_EQ((*after)->id(), (*before)->id());
  EXPECT_EQ((*after)->usual_weight(), 0.25);
  EXPECT_EQ((*after)->unrelated_cosine(), 0.5);
  EXPECT_EQ(embed(**after, "the cat sat on the mat"), embed(**before, "the cat sat on the mat"));
  const StatusOr<ModelManifest> read = read_manifest(dir.read("small/model.json"));
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(read->licence, "Apache-2.0");
  EXPECT_EQ(read->id, (*after)->id());
  EXPECT_EQ(convert_model(from, manifest, dir.file("small")).reason(), "file_exists");
}

TEST(ModelFolder, AFailedConversionLeavesNothing) {
  const tau::test::TempDir dir;
  const std::string from = write_encoder(dir, "tiny");
  dir.write("tiny/model.safetensors", "damaged");
  EXPECT_EQ(convert_model(from, {.name = "tiny"}, dir.file("small")).reason(), "invalid_model");
  EXPECT_EQ(load_model(dir.file("small")).status().code(), Code::kNotFound);
}

TEST(ModelFolder, TakesPrefixesOfSentenceEncoders) {
  const tau::test::TempDir dir;
  const std::string folder = write_encoder(dir, "tiny");
  const auto plain = load_model(folder);
  dir.write("tiny/config_sentence_transformers.json", R"({"prompts":{"query":"the cat: "}})");
  const auto prompted = load_model(folder);
  ASSERT_TRUE(prompted.ok());
  EXPECT_NE((*prompted)->id(), (*plain)->id());
  std::vector<float> query(32);
  ASSERT_TRUE((*prompted)->embed({"dog"}, Purpose::kQuery, query.data()).ok());
  EXPECT_EQ(query, embed(**plain, "the cat: dog"));
}

TEST(ModelFolder, SaysWhatIsMissingOrNotSupported) {
  const tau::test::TempDir dir;
  EXPECT_EQ(load_model(dir.file("none")).status().code(), Code::kNotFound);
  const std::string folder = write_encoder(dir, "tiny");
  const auto with_config = [&](std::string_view find, std::string_view put) {
    std::string config = kConfig;
    config.replace(config.find(find), find.size(), put);
    dir.write("tiny/config.json", config);
    return load_model(folder).status();
  };
  EXPECT_EQ(with_config("\"bert\"", "\"t5\"").reason(), "model_unsupported");
  EXPECT_EQ(with_config("\"gelu\"", "\"silu\"").reason(), "model_unsupported");
  EXPECT_EQ(with_config("64", "72").reason(), "invalid_model");
  EXPECT_EQ(with_config("32", "-1").reason(), "invalid_model");
  EXPECT_EQ(with_config("{", "[").reason(), "invalid_model");
  dir.write("tiny/config.json", kConfig);
  dir.write("tiny/sentence_bert_config.json", R"({"max_seq_length":1000000})");
  EXPECT_EQ(load_model(folder).status().reason(), "invalid_model");
  dir.write("tiny/sentence_bert_config.json", "{}");
  dir.write("tiny/1_Pooling/config.json", R"({"pooling_mode_mean_tokens":false})");
  EXPECT_EQ(load_model(folder).status().reason(), "model_unsupported");
}

TEST(ModelFolder, EveryTruncationOfItsWeightsIsRefused) {
  const tau::test::TempDir dir;
  const std::string folder = write_encoder(dir, "tiny");
  const std::string weights = dir.read("tiny/model.safetensors");
  for (size_t size = 0; size < weights.size(); size += 1 + weights.size() / 60) {
    dir.write("tiny/model.safetensors", weights.substr(0, size));
    EXPECT_EQ(load_model(folder).status().reason(), "invalid_model") << size;
  }
}

TEST(ModelFolder, RefusesManifestsThatAreOdd) {
  EXPECT_EQ(read_manifest("[]").status().reason(), "invalid_model");
  EXPECT_EQ(read_manifest("{").status().reason(), "invalid_model");
  EXPECT_EQ(read_manifest(R"({"usual_weight":2})").status().reason(), "invalid_model");
  EXPECT_EQ(read_manifest(R"({"unrelated_cosine":1})").status().reason(), "invalid_model");
  EXPECT_EQ(read_manifest(R"({"name":"a\nb"})").status().reason(), "invalid_model");
  EXPECT_TRUE(read_manifest("{}").ok());
}

}  // namespace
}  // namespace tau::memory

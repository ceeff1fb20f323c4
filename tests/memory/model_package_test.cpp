// Known models: the table is whole, and a package that is not the known one makes no folder.
#include "memory/model_package.h"

#include <gtest/gtest.h>

#include "crypto/crypto.h"
#include "memory/model_folder.h"
#include "model_fixture.h"
#include "support/temp_dir.h"

namespace tau::memory {
namespace {

TEST(KnownModels, SayAllThatAnInstallationNeeds) {
  ASSERT_FALSE(known_models().empty());
  for (const KnownModel& model : known_models()) {
    EXPECT_EQ(*find_known_model(model.name), &model);
    EXPECT_EQ(model.package_sha256.size(), 64U);
    EXPECT_EQ(pip_requirement(model),
              format("{}=={} --hash=sha256:{}", model.package, model.version, model.package_sha256));
    EXPECT_GT(model.download_bytes, model.installed_bytes);
    EXPECT_GT(model.dimensions, 0);
    EXPECT_FALSE(model.licence.empty());
    bool weights = false;
    for (const PackageFile& file : model.files) {
      EXPECT_EQ(file.sha256.size(), 64U) << file.path;
      weights = weights || file.path == "model.safetensors";
    }
    EXPECT_TRUE(weights);
  }
}

TEST(KnownModels, AnotherNameIsAnsweredWithThoseThatAreKnown) {
  const Status status = find_known_model("gpt").status();
  EXPECT_EQ(status.reason(), "unknown_model");
  EXPECT_NE(status.message().find(known_models().front().name), std::string_view::npos);
}

TEST(KnownModels, AFolderIsMadeOfKnownFilesAlone) {
  const tau::test::TempDir dir;
  const std::string weights = test::small_weights(test::small_config()).file();
  const std::string config =
      R"({"vocab_size":20,"hidden_size":32,"num_hidden_layers":2,"num_attention_heads":4,"intermediate_size":64,)"
      R"("max_position_embeddings":40})";
  dir.write("package/m/model.safetensors", weights);
  dir.write("package/m/config.json", config);
  dir.write("package/m/vocab.txt", test::kVocabulary);
  const auto digest = [](std::string_view bytes) { return crypto::hex(crypto::sha256(bytes)); };
  const std::string digests[] = {digest(weights), digest(config), digest(test::kVocabulary)};
  const PackageFile files[] = {
      {"model.safetensors", digests[0]}, {"config.json", digests[1]}, {"vocab.txt", digests[2]}};
  const KnownModel model{
      .name = "tiny", .root = "m", .licence = "Apache-2.0", .usual_weight = 0.4, .files = files};
  ASSERT_TRUE(make_model_folder(model, dir.file("package"), dir.file("made")).ok());
  const auto made = load_model(dir.file("made"));
  ASSERT_TRUE(made.ok()) << made.status().to_string();
  EXPECT_TRUE((*made)->id().starts_with("file:tiny@"));
  EXPECT_EQ((*made)->usual_weight(), 0.4);

  dir.write("package/m/config.json", config + " ");
  EXPECT_EQ(make_model_folder(model, dir.file("package"), dir.file("other")).reason(), "model_digest");
  EXPECT_EQ(make_model_folder(model, dir.file("nothing"), dir.file("other")).code(), Code::kNotFound);
  EXPECT_EQ(load_model(dir.file("other")).status().code(), Code::kNotFound);
}

}  // namespace
}  // namespace tau::memory

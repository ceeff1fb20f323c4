// The encoder on the CPU: what it computes, and that nothing but the text decides about a vector.
#include "memory/text_encoder.h"

#include <gtest/gtest.h>

#include <cmath>
#include <thread>

#include "model_fixture.h"

namespace tau::memory {
namespace {

using test::PlainEncoder;
using test::RandomTensors;
using test::small_config;
using test::small_parts;
using test::small_weights;

std::unique_ptr<TextEncoder> make(const RandomTensors& weights, TextEncoder::Parts parts = small_parts()) {
  const std::string file = weights.file();
  const StatusOr<Safetensors> tensors = Safetensors::read(file);
  EXPECT_TRUE(tensors.ok()) << tensors.status().to_string();
  StatusOr<std::unique_ptr<TextEncoder>> out = TextEncoder::make(std::move(parts), *tensors);
  EXPECT_TRUE(out.ok()) << out.status().to_string();
  return out.ok() ? *std::move(out) : nullptr;
}

Status failure(const RandomTensors& weights, TextEncoder::Parts parts = small_parts()) {
  const std::string file = weights.file();
  const StatusOr<Safetensors> tensors = Safetensors::read(file);
  if (!tensors.ok()) return tensors.status();
  return TextEncoder::make(std::move(parts), *tensors).status();
}

std::vector<float> embed(const Embedder& model, std::vector<std::string_view> texts,
                         Purpose purpose = Purpose::kDocument) {
  std::vector<float> out(texts.size() * model.dimensions());
  EXPECT_TRUE(model.embed(texts, purpose, out.data()).ok());
  return out;
}

const std::vector<std::string_view> kTexts = {"the cat sat on the mat.",
                                              "dogs run",
                                              "unable",
                                              "a",
                                              "the the the the the the the the the the the the the",
                                              "The dog, the cats, running on a mat",
                                              ", . , ."};

TEST(TextEncoder, ComputesWhatThePaperSays) {
  for (const Pooling pooling : {Pooling::kMean, Pooling::kFirst}) {
    EncoderConfig config = small_config();
    config.pooling = pooling;
    const RandomTensors weights = small_weights(config);
    const auto model = make(weights, small_parts(config));
    const PlainEncoder plain(weights, config);
    for (const std::string_view text : kTexts) {
      std::vector<uint32_t> pieces = {2};
      small_parts().tokenizer.tokenize(text, 100, &pieces);
      pieces.push_back(3);
      const std::vector<double> expected = plain.embed(pieces);
      const std::vector<float> got = embed(*model, {text});
      double cosine = 0;
      for (size_t i = 0; i < got.size(); ++i) cosine += expected[i] * static_cast<double>(got[i]);
      EXPECT_GT(cosine, 0.998) << text;
    }
  }
}

TEST(TextEncoder, GivesTheSameBitsWithEveryInstructionSet) {
  const auto model = make(small_weights(small_config()));
  model->use(Simd::kScalar);
  const std::vector<float> scalar = embed(*model, kTexts);
  for (int level = 1; level <= static_cast<int>(best_simd()); ++level) {
    model->use(static_cast<Simd>(level));
    EXPECT_EQ(embed(*model, kTexts), scalar) << level;
  }
}

TEST(TextEncoder, GivesTheSameBitsInEveryBatchAndOnEveryThread) {
  const auto model = make(small_weights(small_config()));
  const std::vector<float> together = embed(*model, kTexts);
  std::vector<std::thread> threads;
  std::vector<std::vector<float>> alone(kTexts.size());
  for (size_t i = 0; i < kTexts.size(); ++i)
    threads.emplace_back([&, i] { alone[i] = embed(*model, {kTexts[i]}); });
  for (std::thread& thread : threads) thread.join();
  for (size_t i = 0; i < kTexts.size(); ++i) {
    const auto first = together.begin() + static_cast<ptrdiff_t>(i * model->dimensions());
    EXPECT_EQ(std::vector<float>(first, first + static_cast<ptrdiff_t>(model->dimensions())), alone[i]);
  }
}

TEST(TextEncoder, VectorsHaveLengthOneOrAreEmpty) {
  const auto model = make(small_weights(small_config()));
  const std::string long_text(1 << 20, 'x');
  std::string many;
  for (int i = 0; i < 100'000; ++i) many += "cats ";
  for (const std::string_view text : {std::string_view("cat"), std::string_view(long_text),
                                      std::string_view(many), std::string_view("\xff\xfe cat \xc3")}) {
    double sum = 0;
    for (const float value : embed(*model, {text}))
      sum += static_cast<double>(value) * static_cast<double>(value);
    EXPECT_NEAR(sum, 1, 1e-5);
  }
  for (const char* text : {"", " \n\t", "\x01\x02", "\xff"})
    EXPECT_EQ(embed(*model, {text}), std::vector<float>(model->dimensions())) << text;
}

TEST(TextEncoder, LeavesOutWhatIsBeyondItsLimit) {
  const auto model = make(small_weights(small_config()));
  std::string text;
  for (int i = 0; i < 22; ++i) text += "cat ";
  EXPECT_EQ(embed(*model, {text}), embed(*model, {text + "dog dog dog"}));
  EXPECT_NE(embed(*model, {text}), embed(*model, {text.substr(4)}));
}

TEST(TextEncoder, PutsThePrefixBeforeQueriesAlone) {
  TextEncoder::Parts parts = small_parts();
  parts.query_prefix = "the cat: ";
  const RandomTensors weights = small_weights(small_config());
  const auto with = make(weights, std::move(parts));
  const auto without = make(weights);
  EXPECT_EQ(embed(*with, {"dog"}), embed(*without, {"dog"}));
  EXPECT_EQ(embed(*with, {"dog"}, Purpose::kQuery), embed(*without, {"the cat: dog"}));
  EXPECT_EQ(embed(*with, {""}, Purpose::kQuery), std::vector<float>(with->dimensions()));
}

TEST(TextEncoder, ItsIdIsThatOfItsWeightsAndSettings) {
  const RandomTensors weights = small_weights(small_config());
  const std::string id(make(weights)->id());
  EXPECT_TRUE(id.starts_with("file:small@"));
  EXPECT_EQ(make(weights)->id(), id);
  EXPECT_NE(make(small_weights(small_config(), 8))->id(), id);
  TextEncoder::Parts parts = small_parts();
  parts.query_prefix = "query: ";
  EXPECT_NE(make(weights, std::move(parts))->id(), id);
  EncoderConfig config = small_config();
  config.pooling = Pooling::kFirst;
  EXPECT_NE(make(weights, small_parts(config))->id(), id);
  parts = small_parts();
  parts.dimensions = 16;
  EXPECT_NE(make(weights, std::move(parts))->id(), id);
}

TEST(TextEncoder, NamesTheTensorThatIsMissingOrWrong) {
  const EncoderConfig config = small_config();
  const std::string name = "encoder.layer.1.output.dense.weight";
  RandomTensors weights = small_weights(config);
  weights.erase(name);
  EXPECT_EQ(failure(weights).reason(), "invalid_model");
  EXPECT_NE(failure(weights).message().find(name), std::string_view::npos);

  weights = small_weights(config);
  weights.add(name, {config.intermediate, config.hidden}, 1);
  EXPECT_NE(failure(weights).message().find(name), std::string_view::npos);

  weights = small_weights(config);
  weights.change(name)[5] = std::nanf("");
  EXPECT_EQ(failure(weights).code(), Code::kDataLoss);
  EXPECT_NE(failure(weights).message().find(name), std::string_view::npos);
}

TEST(TextEncoder, RefusesSizesBeyondItsLimits) {
  const RandomTensors weights = small_weights(small_config());
  const auto refused = [&](auto change) {
    EncoderConfig config = small_config();
    change(config);
    return failure(weights, small_parts(config)).reason() == "invalid_model";
  };
  EXPECT_TRUE(refused([](EncoderConfig& c) { c.hidden = 0; }));
  EXPECT_TRUE(refused([](EncoderConfig& c) { c.hidden = 33; }));
  EXPECT_TRUE(refused([](EncoderConfig& c) { c.hidden = size_t{1} << 40; }));
  EXPECT_TRUE(refused([](EncoderConfig& c) { c.heads = 0; }));
  EXPECT_TRUE(refused([](EncoderConfig& c) { c.heads = 3; }));
  EXPECT_TRUE(refused([](EncoderConfig& c) { c.layers = 1'000; }));
  EXPECT_TRUE(refused([](EncoderConfig& c) { c.intermediate = 4; }));
  EXPECT_TRUE(refused([](EncoderConfig& c) { c.positions = 1; }));
  EXPECT_TRUE(refused([](EncoderConfig& c) { c.most_pieces = 41; }));
  EXPECT_TRUE(refused([](EncoderConfig& c) { c.kinds = 0; }));
  EXPECT_TRUE(refused([](EncoderConfig& c) { c.vocabulary = 3; }));
  EXPECT_TRUE(refused([](EncoderConfig& c) { c.epsilon = std::nanf(""); }));
}

}  // namespace
}  // namespace tau::memory

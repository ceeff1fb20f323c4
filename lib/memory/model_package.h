// Models that are known to be good, small and free to use, and the packages of Python's index that hold them.
// Nothing is fetched here: whoever calls has the package, unpacked, and says where the model's folder is to
// be.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/base.h"

namespace tau::memory {

struct PackageFile {
  std::string_view path;    // within the package's folder of the model
  std::string_view sha256;  // hexadecimal
};

struct KnownModel {
  std::string_view name;
  std::string_view package;
  std::string_view version;
  std::string_view package_sha256;  // of the wheel
  int64_t download_bytes = 0;
  int64_t installed_bytes = 0;
  std::string_view root;  // the model's folder in the package
  std::string_view licence;
  std::string_view about;
  int dimensions = 0;
  double usual_weight = 0;
  double unrelated_cosine = 0;
  std::span<const PackageFile> files;
};

// The first one is the one to recommend.
std::span<const KnownModel> known_models();
// NOT_FOUND "unknown_model" names those that are known.
StatusOr<const KnownModel*> find_known_model(std::string_view name);
// A line of a requirements file: with it pip takes this very file and no other.
std::string pip_requirement(const KnownModel& model);

// Makes the folder of a model from its unpacked package; the folder must not exist. DATA_LOSS "model_digest"
// when a file is not the one that is known.
Status make_model_folder(const KnownModel& model, const std::string& unpacked, const std::string& folder);

}  // namespace tau::memory

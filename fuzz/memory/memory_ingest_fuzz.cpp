// Files as anybody may have written them, cut into chunks. The first line is the file's name.
#include <cstddef>
#include <cstdint>

#include "json/json.h"
#include "law.h"
#include "memory/chunk.h"
#include "memory/ingest.h"
#include "memory/ingest_folder.h"
#include "memory/memory_check.h"

namespace {

using tau::fuzz::require;

void check(const tau::StatusOr<tau::memory::ChunkedFile>& file, const tau::memory::ChunkOptions& options) {
  if (!file.ok()) {
    require(!file.status().reason().empty() && tau::is_valid_utf8(file.status().message()));
    return;
  }
  require(file->attributes.empty() || tau::json::parse(file->attributes).ok());
  int64_t line = 1;
  for (const tau::memory::Chunk& chunk : file->chunks) {
    require(!chunk.text.empty() && chunk.text.size() <= options.max_bytes);
    require(tau::is_valid_utf8(chunk.text) && tau::is_valid_utf8(chunk.heading));
    require(chunk.first_line >= line && chunk.last_line >= chunk.first_line);
    line = chunk.first_line;
  }
  tau::memory::IngestSource source{{"w", "", ""}, "file:x", 1};
  tau::memory::IngestOptions ingest;
  ingest.now_ms = 2;
  const auto plan = tau::memory::plan_ingest(source, *file, {}, ingest);
  require(plan.ok() && plan->added == static_cast<int64_t>(file->chunks.size()));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view body(reinterpret_cast<const char*>(data), size);
  const std::string_view name = tau::fuzz::take_line(body);
  tau::memory::ChunkOptions options;
  options.target_bytes = 100;
  options.max_bytes = 160;
  check(tau::memory::chunk_document(name, body, options), options);
  for (const char* other :
       {"a.txt", "a.md", "a.json", "a.jsonl", "a.csv", "a.html", "a.py", "a.js", "a.yaml", "a.toml"})
    check(tau::memory::chunk_document(other, body, options), options);
  check(tau::memory::chunk_pages(body, options), options);
  tau::memory::IgnoreRules rules;
  (void)rules.add("", body.substr(0, 4'000));
  (void)rules.ignores(name, false);
  (void)tau::memory::read_mark(body);
  return 0;
}

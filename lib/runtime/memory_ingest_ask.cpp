// What a request of ingestion says.
#include <algorithm>
#include <utility>

#include "crypto/crypto.h"
#include "runtime/core.h"
#include "runtime/host_document.h"
#include "runtime/memory_document.h"
#include "runtime/memory_ingest.h"

namespace tau::runtime {
namespace {

constexpr int64_t kMostFiles = 1'000'000;
constexpr int64_t kMostFileBytes = int64_t{1} << 30;
constexpr int64_t kUsualQuestions = 1'000;
constexpr int64_t kUsualExtracted = 5'000;
constexpr int64_t kMostExtracted = 1'000'000;
constexpr std::string_view kKeys[] = {"op",     "path",           "channel", "actor",          "globs",
                                      "ignore", "hidden",         "type",    "tags",           "importance",
                                      "origin", "max_file_bytes", "extract", "forget_vanished"};
constexpr std::string_view kExtractKeys[] = {"model", "max_memories", "timeout_ms", "max_questions",
                                             "max_extracted"};

Status only_known(const json::Value& request, std::initializer_list<std::string_view> more) {
  const auto holds = [](const auto& list, std::string_view key) {
    return std::find(std::begin(list), std::end(list), key) != std::end(list);
  };
  for (const auto& [key, value] : request.as_object())
    if (!holds(kKeys, key) && !holds(kExtractKeys, key) && !holds(more, key)) {
      std::string names;
      for (const std::string_view name : kKeys) names.append(name).append(", ");
      for (const std::string_view name : more) names.append(name).append(", ");
      for (const std::string_view name : kExtractKeys)
        names.append(name).append(name == std::end(kExtractKeys)[-1] ? "" : ", ");
      return invalid_argument("unknown_key", format("request: unknown key \"{}\"; known are {}", key, names));
    }
  return ok_status();
}

// The parts that a memory has too are read as one, with its checks.
Status read_as_memory(Memory& memory, const json::Value& request, IngestAsk& asked) {
  json::Value draft = json::Value::object();
  draft.set("text", "-");
  for (const std::string_view key : {"channel", "actor", "type", "tags", "importance"})
    if (request.contains(key)) draft.set(key, request[key]);
  draft.set("origin", request.contains("origin") ? request["origin"] : json::Value("workspace"));
  if (!request.contains("type")) draft.set("type", "fact");
  const int64_t now_ms = memory.engine().clock().wall_ms();
  TAU_ASSIGN_OR_RETURN(MemoryDraft read, read_memory(draft, "request", memory.reach(), now_ms));
  asked.scope = read.row.scope;
  asked.options.type = static_cast<memory::Type>(read.row.type);
  asked.options.importance = read.row.importance;
  asked.options.tags = std::move(read.row.tags);
  asked.options.provenance = read.row.provenance;
  asked.options.now_ms = now_ms;
  return ok_status();
}

Status read_extract(Memory& memory, const json::Value& request, IngestAsk& asked) {
  TAU_ASSIGN_OR_RETURN(const bool extracts, read_flag(request, "request", "extract", false));
  if (!extracts) {
    for (const std::string_view key : kExtractKeys)
      if (request.contains(key))
        return invalid_argument("invalid_request",
                                format("request: \"{}\" goes with \"extract\": true", key));
    return ok_status();
  }
  TAU_RETURN_IF_ERROR(memory.authorize("memory:write"));
  IngestExtractAsk& extract = asked.extract.emplace();
  TAU_ASSIGN_OR_RETURN(extract.model, read_model_name(request));
  TAU_ASSIGN_OR_RETURN(extract.timeout_ms, read_model_timeout(request));
  TAU_RETURN_IF_ERROR(read_max_memories(request, extract.options));
  TAU_ASSIGN_OR_RETURN(extract.max_questions,
                       read_bounded(request, "request", "max_questions", kUsualQuestions, 1, kMostExtracted));
  TAU_ASSIGN_OR_RETURN(extract.max_extracted,
                       read_bounded(request, "request", "max_extracted", kUsualExtracted, 1, kMostExtracted));
  // A name that leads to no model is told before anything is done.
  TAU_ASSIGN_OR_RETURN(const std::string model, model_of_question(memory.core(), extract.model));
  extract.key =
      crypto::hex(crypto::blake2b(model + "\n" + memory::extract_version(extract.options))).substr(0, 32);
  return ok_status();
}

}  // namespace

StatusOr<IngestAsk> read_ingest_ask(Memory& memory, const json::Value& request,
                                    std::initializer_list<std::string_view> more, bool forget_vanished) {
  TAU_RETURN_IF_ERROR(only_known(request, more));
  IngestAsk asked;
  TAU_ASSIGN_OR_RETURN(asked.path, need_string(request, "request", "path"));
  TAU_RETURN_IF_ERROR(read_as_memory(memory, request, asked));
  TAU_ASSIGN_OR_RETURN(asked.policy.globs, read_strings(request, "request", "globs"));
  TAU_ASSIGN_OR_RETURN(asked.policy.ignore, read_strings(request, "request", "ignore"));
  TAU_ASSIGN_OR_RETURN(asked.policy.hidden, read_flag(request, "request", "hidden", false));
  TAU_ASSIGN_OR_RETURN(
      asked.policy.max_file_bytes,
      read_bounded(request, "request", "max_file_bytes", asked.policy.max_file_bytes, 1, kMostFileBytes));
  TAU_ASSIGN_OR_RETURN(asked.dry_run, read_flag(request, "request", "dry_run", false));
  TAU_ASSIGN_OR_RETURN(asked.forget_vanished,
                       read_flag(request, "request", "forget_vanished", forget_vanished));
  asked.max_files = kMostFiles;
  if (request.contains("max_files")) {
    TAU_ASSIGN_OR_RETURN(asked.max_files, read_count(request, "request", "max_files"));
  }
  TAU_RETURN_IF_ERROR(read_extract(memory, request, asked));
  return asked;
}

}  // namespace tau::runtime

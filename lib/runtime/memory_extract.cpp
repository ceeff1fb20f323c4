// The request "extract": memories out of a text or a conversation, by a model.
#include <algorithm>
#include <utility>

#include "runtime/core.h"
#include "runtime/host_document.h"
#include "runtime/memory_document.h"
#include "runtime/memory_model_writes.h"
#include "runtime/memory_ops.h"

namespace tau::runtime {
namespace {

constexpr size_t kMostMessages = 1000;

struct Asked {
  memory::ExtractSource source;
  memory::ExtractOptions options;
  std::string thread;
  std::string model;
  int64_t timeout_ms = 0;
  bool dry_run = false;
};

// What people and the model said. What the host or a tool said is not what a conversation is remembered for.
Status add_message(const json::Value& v, std::string_view what, std::string& text, Labels& labels) {
  auto message = wire::message_from_json(v);
  if (!message.ok())
    return invalid_argument("invalid_message", format("{}: {}", what, message.status().message()));
  const bool of_model = message->role == wire::Role::kAssistant;
  if (message->role != wire::Role::kUser && !of_model) return ok_status();
  const std::string said = message->text();
  if (said.empty()) return ok_status();
  labels.join(message->labels);
  if (of_model) labels.join(Labels::from(Source::kModel));
  // Recalled blocks go while each message stands alone: one that does not end takes no other message along.
  text.append(of_model ? "assistant: " : "user: ").append(memory::strip_recalled(said)).append("\n");
  return ok_status();
}

Status read_messages(const json::Value& request, std::string& text, Labels& labels) {
  const json::Value& list = request["messages"];
  const bool good = list.is_array() && list.size() >= 1 && list.size() <= kMostMessages;
  TAU_RETURN_IF_ERROR(check_type(good, "request", "messages", "an array of 1 to 1000 messages"));
  for (size_t i = 0; i < list.size(); ++i)
    TAU_RETURN_IF_ERROR(add_message(list.as_array()[i], format("messages[{}]", i), text, labels));
  return ok_status();
}

// Where the text comes from, as if it were itself a memory.
Status read_source(Memory& memory, const json::Value& request, Asked& asked) {
  json::Value draft = json::Value::object();
  draft.set("text", "-");
  for (const std::string_view key : {"channel", "actor", "thread", "source", "origin", "time"})
    if (request.contains(key)) draft.set(key, request[key]);
  const int64_t now_ms = memory.engine().clock().wall_ms();
  TAU_ASSIGN_OR_RETURN(MemoryDraft read, read_memory(draft, "request", memory.reach(), now_ms));
  memory::ExtractSource& source = asked.source;
  source.scope = read.row.scope;
  source.time_ms = read.row.time_ms;
  source.now_ms = now_ms;
  source.provenance = read.row.provenance;
  asked.thread = std::move(read.row.thread);
  source.source = std::move(read.row.source);
  if (source.source.empty() && !asked.thread.empty()) source.source = "thread:" + asked.thread;
  return ok_status();
}

Status read_text(Memory& memory, const json::Value& request, Asked& asked) {
  memory::ExtractSource& source = asked.source;
  if (request.contains("text") == request.contains("messages"))
    return invalid_argument("invalid_request", "an extraction needs either \"text\" or \"messages\"");
  if (request.contains("text")) {
    TAU_ASSIGN_OR_RETURN(source.text, need_string(request, "request", "text"));
  }
  TAU_ASSIGN_OR_RETURN(Labels labels, parse_integrity(source.provenance.integrity));
  if (memory.labels()) labels = *memory.labels();
  if (request.contains("messages")) TAU_RETURN_IF_ERROR(read_messages(request, source.text, labels));
  source.provenance.integrity = labels.integrity();
  if (!labels.readable_by_all()) source.provenance.readers = labels.readers();
  return ok_status();
}

StatusOr<Asked> read_ask(Memory& memory, const json::Value& request) {
  TAU_RETURN_IF_ERROR(only_keys(request, "request",
                                {"op", "text", "messages", "model", "thread", "source", "channel", "actor",
                                 "origin", "time", "dry_run", "max_memories", "timeout_ms"}));
  Asked asked;
  TAU_RETURN_IF_ERROR(read_source(memory, request, asked));
  TAU_RETURN_IF_ERROR(read_text(memory, request, asked));
  TAU_ASSIGN_OR_RETURN(asked.model, read_model_name(request));
  TAU_ASSIGN_OR_RETURN(asked.dry_run, read_flag(request, "request", "dry_run", false));
  TAU_ASSIGN_OR_RETURN(asked.timeout_ms, read_model_timeout(request));
  TAU_RETURN_IF_ERROR(read_max_memories(request, asked.options));
  TAU_RETURN_IF_ERROR(check_writable(memory, asked.dry_run));
  return asked;
}

// A conversation's memories stand in its thread, in the order in which they were told.
void place(const Asked& asked, std::vector<store::MemoryEdit>& edits) {
  int64_t position = 0;
  for (store::MemoryEdit& edit : edits) {
    auto* const put = std::get_if<store::MemoryPut>(&edit.what);
    if (put == nullptr || asked.thread.empty()) continue;
    put->row.thread = asked.thread;
    put->row.position = position++;
  }
}

}  // namespace

StatusOr<std::string> extract_memories(Memory& memory, const json::Value& request) {
  TAU_ASSIGN_OR_RETURN(Asked asked, read_ask(memory, request));
  // Who may write only is told nothing of what is there, by way of the model either.
  if (memory.authorize("memory:read").ok()) {
    TAU_ASSIGN_OR_RETURN(asked.source.known, memory::known_memories(memory.engine(), asked.source));
  }
  ModelQuestion question{.model = asked.model,
                         .request = {},
                         .principal = memory.reach().principal,
                         .timeout_ms = asked.timeout_ms};
  TAU_ASSIGN_OR_RETURN(question.request, memory::extract_request(asked.source, asked.options));
  TAU_ASSIGN_OR_RETURN(const ModelAnswer answer, ask_model(memory.core(), question));
  auto read = memory::read_extraction(asked.source, asked.options, answer.text);
  if (!read.ok()) return read.status().annotate(answer.model);
  memory::Extracted extracted = *std::move(read);
  place(asked, extracted.edits);
  TAU_ASSIGN_OR_RETURN(
      const ModelWrites writes,
      write_of_model(memory, "extract", extracted.edits, extracted.ids, extracted.rejected, asked.dry_run));
  ModelUse use;
  use.add(answer);
  std::string out;
  json::Writer w(out);
  w.begin_object().field("dry_run", asked.dry_run);
  write_model_writes(w, writes);
  use.write(w);
  w.end_object();
  return out;
}

}  // namespace tau::runtime

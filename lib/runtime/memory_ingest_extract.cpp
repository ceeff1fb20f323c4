// Memories out of the pieces of files, by a model: each piece is asked about once. What was asked is kept by
// the piece and by the model with its instructions, so that a stop goes on where it was.
#include <algorithm>
#include <utility>

#include "crypto/crypto.h"
#include "runtime/core.h"
#include "runtime/memory_ingest.h"

namespace tau::runtime {
namespace {

using store::MemoryRow;

constexpr int64_t kMostFailuresInARow = 3;  // of answers that cannot be used

// A failure of one answer; others may do better. All else would fail for the next piece, too.
bool is_of_answer(const Status& status) {
  return status.reason() == "model_answer" || status.reason() == "answer_cut" ||
         status.reason() == "text_too_long";
}

// What leads from everything that was made of a piece to that piece.
void lead_to(const MemoryRow& piece, int64_t now_ms, memory::Extracted& extracted) {
  for (store::MemoryEdit& edit : extracted.edits)
    if (auto* const put = std::get_if<store::MemoryPut>(&edit.what))
      memory::set_derived_from(put->row, piece.id);
  for (const std::string& id : extracted.ids)
    extracted.edits.push_back(
        {store::MemoryRelate{.source = {piece.scope, id},
                             .target = {piece.scope, piece.id},
                             .relation = static_cast<uint8_t>(memory::Relation::kResultOf),
                             .at_ms = now_ms},
         nullptr});
}

}  // namespace

std::string IngestExtraction::mark_name(std::string_view of) const {
  std::string name;
  for (const std::string_view part :
       {std::string_view(asked_.scope.workspace), std::string_view(asked_.scope.channel),
        std::string_view(asked_.scope.actor), of})
    name.append(part).push_back('\0');
  return "extract:" + crypto::hex(crypto::blake2b(name));
}

bool IngestExtraction::is_done(const std::string& id) {
  const auto mark = memory_.core().store().load_mark(mark_name(id));
  return mark.ok() && *mark == asked_.extract->key;
}

bool IngestExtraction::may_ask() {
  if (!problem_.ok() || (stop_ != nullptr && *stop_)) return false;
  return questions_ < asked_.extract->max_questions && memories_ < asked_.extract->max_extracted;
}

StatusOr<int64_t> IngestExtraction::file(const std::string& source, const std::string& digest,
                                         const std::vector<std::string>* ids, const Rows& rows) {
  const std::string name = mark_name(source);
  const std::string key = asked_.extract->key + " " + digest;
  const auto mark = memory_.core().store().load_mark(name);
  if (mark.ok() && *mark == key) return 0;
  if (asked_.dry_run && ids != nullptr) {
    for (const std::string& id : *ids) questions_ += is_done(id) ? 0 : 1;
    return 0;
  }
  TAU_ASSIGN_OR_RETURN(std::vector<MemoryRow> pieces, rows());
  if (asked_.dry_run) {
    for (const MemoryRow& piece : pieces) questions_ += is_done(piece.id) ? 0 : 1;
    return 0;
  }
  std::sort(pieces.begin(), pieces.end(),
            [](const MemoryRow& a, const MemoryRow& b) { return a.position < b.position; });
  const int64_t undone = waiting_ + failed_;
  TAU_ASSIGN_OR_RETURN(const int64_t made, this->pieces(source, pieces));
  if (waiting_ + failed_ == undone) TAU_RETURN_IF_ERROR(memory_.core().store().store_mark(name, key));
  return made;
}

StatusOr<int64_t> IngestExtraction::pieces(const std::string& source, const std::vector<MemoryRow>& rows) {
  int64_t made = 0;
  for (const MemoryRow& piece : rows) {
    if (is_done(piece.id)) continue;
    if (!may_ask()) {
      ++waiting_;
      continue;
    }
    TAU_ASSIGN_OR_RETURN(const int64_t more, ask(source, piece));
    made += more;
  }
  return made;
}

StatusOr<int64_t> IngestExtraction::ask(const std::string& source, const MemoryRow& piece) {
  const auto writes = question(source, piece);
  if (writes.ok() || writes.status().reason() == "nothing_to_extract") {
    failed_in_a_row_ = 0;
    TAU_RETURN_IF_ERROR(memory_.core().store().store_mark(mark_name(piece.id), asked_.extract->key));
    if (!writes.ok()) return 0;
    const auto made = static_cast<int64_t>(writes->rows.size());
    memories_ += made;
    existing_ += static_cast<int64_t>(writes->existing.size());
    refused_ += static_cast<int64_t>(writes->refused.size());
    return made;
  }
  ++failed_;
  last_failure_ = writes.status();
  const bool given_up = !is_of_answer(last_failure_) || ++failed_in_a_row_ == kMostFailuresInARow;
  if (given_up) problem_ = last_failure_;
  return 0;
}

StatusOr<ModelWrites> IngestExtraction::question(const std::string& source, const MemoryRow& piece) {
  const IngestExtractAsk& asked = *asked_.extract;
  memory::ExtractSource text{.scope = piece.scope,
                             .text = piece.text,
                             .source = memory::derived_source(source),
                             .time_ms = piece.time_ms,
                             .now_ms = memory_.engine().clock().wall_ms(),
                             .provenance = piece.provenance,
                             .known = {},
                             .of_file = true};
  if (memory_.authorize("memory:read").ok()) {
    TAU_ASSIGN_OR_RETURN(text.known, memory::known_memories(memory_.engine(), text));
  }
  ModelQuestion question{.model = asked.model,
                         .request = {},
                         .principal = memory_.reach().principal,
                         .timeout_ms = asked.timeout_ms,
                         .stop = stop_};
  TAU_ASSIGN_OR_RETURN(question.request, memory::extract_request(text, asked.options));
  ++questions_;
  TAU_ASSIGN_OR_RETURN(const ModelAnswer answer, ask_model(memory_.core(), question));
  use_.add(answer);
  TAU_ASSIGN_OR_RETURN(memory::Extracted extracted,
                       memory::read_extraction(text, asked.options, answer.text));
  lead_to(piece, text.now_ms, extracted);
  return write_of_model(memory_, "ingest", extracted.edits, extracted.ids, extracted.rejected,
                        /*dry_run=*/false);
}

void IngestExtraction::write(json::Writer& w) const {
  w.begin_object().field("questions", questions_).field("memories", memories_).field("existing", existing_);
  w.field("refused", refused_).field("failed", failed_).field("waiting", waiting_);
  const Status& shown = problem_.ok() ? last_failure_ : problem_;
  if (!shown.ok())
    w.key("error")
        .begin_object()
        .field("reason", shown.reason())
        .field("message", repair_utf8(shown.message()))
        .end_object();
  use_.write(w);
  w.end_object();
}

}  // namespace tau::runtime

// Files of memories from elsewhere: lines of JSON, records of Tau, notes. What is taken keeps to the limits
// of a memory and is never the system's word; what is written of it reads back.
#include <cstddef>
#include <cstdint>

#include "json/json.h"
#include "law.h"
#include "memory/export_json.h"
#include "memory/import_json.h"
#include "memory/memory_check.h"
#include "memory/note.h"
#include "memory/tau_record.h"

namespace {

using tau::fuzz::require;
using tau::memory::MemoryRecord;

void check(const MemoryRecord& record) {
  require(tau::memory::check_memory(record.row).ok());
  const auto labels = tau::parse_integrity(record.row.provenance.integrity);
  require(labels.ok() && !labels->has(tau::Source::kSystem) && labels->has(tau::Source::kWeb));
  for (const auto& relation : record.relations)
    require(relation.weight >= 0 && relation.weight <= 1 &&
            relation.target.scope.workspace == record.row.scope.workspace);
}

tau::memory::ImportOptions from_web() {
  tau::memory::ImportOptions options;
  options.origin = tau::Labels::from(tau::Source::kWeb);
  options.now_ms = 5;
  options.scope.workspace = "w";
  return options;
}

class Checked : public tau::memory::RecordHandler {
 public:
  tau::Status record(MemoryRecord&& record) override {
    check(record);
    std::string line;
    tau::memory::append_record(line, record, false);
    line.pop_back();
    const auto again = tau::memory::read_record(line, from_web());
    require(again.ok() && again->row.text == record.row.text &&
            again->row.attributes == record.row.attributes);
    std::string once_more;
    tau::memory::append_record(once_more, *again, false);
    require(once_more == line + "\n");
    std::string tau_form;
    tau::memory::append_tau_record(tau_form, record);
    require(tau::json::parse(tau_form).ok());
    return {};
  }
};

void check_lines(tau::memory::LineImport& import, std::string_view body) {
  const size_t middle = body.size() / 2;
  require(import.feed(body.substr(0, middle)).ok() && import.feed(body.substr(middle)).ok());
  const auto report = import.finish();
  require(report.ok() && report->records + report->failed + report->superseded == report->lines);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  Checked handler;
  tau::memory::JsonImport json(from_web(), handler);
  check_lines(json, body);
  tau::memory::TauVersions versions;
  require(versions.feed(body).ok() && versions.finish().ok());
  tau::memory::TauImport records(from_web(), versions, handler);
  check_lines(records, body);
  tau::memory::NoteNames names;
  names.add("a.md", body);
  names.add("b.md", "");
  const auto note = tau::memory::read_note("a.md", body, names, from_web(), nullptr);
  if (!note.ok()) return 0;
  check(*note);
  const std::string text = tau::memory::write_note(*note);
  const auto again = tau::memory::read_note("a.md", text, names, from_web(), nullptr);
  require(again.ok() && again->row.text == note->row.text && again->row.id == note->row.id);
  return 0;
}

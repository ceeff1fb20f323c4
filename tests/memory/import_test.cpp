// Imports and exports: what goes out comes back, and what strangers write stays within its bounds.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <limits>

#include "json/json.h"
#include "memory/export_json.h"
#include "memory/import_json.h"
#include "memory/memory_check.h"
#include "memory/note.h"
#include "memory/tau_record.h"

namespace tau::memory {

// Compared by all that files carry.
bool operator==(const RecordRelation& a, const RecordRelation& b) {
  return a.target.id == b.target.id && a.target.scope == b.target.scope && a.relation == b.relation &&
         a.weight == b.weight && a.created_ms == b.created_ms;
}

namespace {

class Records : public RecordHandler {
 public:
  Status record(MemoryRecord&& record) override {
    records.push_back(std::move(record));
    return {};
  }
  std::vector<MemoryRecord> records;
};
class Text : public ByteSink {
 public:
  Status append(std::string_view bytes) override {
    text += bytes;
    return {};
  }
  std::string text;
};

ImportOptions from_user() {
  ImportOptions options;
  options.origin = Labels::from(Source::kUser);
  options.principal = "ann";
  options.now_ms = 9;
  return options;
}

template <class Import, class... Args>
ImportReport import(std::string_view text, Records& records, size_t piece, Args&&... args) {
  Import import(std::forward<Args>(args)..., records);
  for (size_t at = 0; at < text.size(); at += piece) EXPECT_TRUE(import.feed(text.substr(at, piece)).ok());
  auto report = import.finish();
  EXPECT_TRUE(report.ok());
  return *std::move(report);
}
ImportReport import_json(std::string_view text, Records& records, size_t piece = 7) {
  return import <JsonImport>(text, records, piece, from_user());
}

rc::Gen<std::string> word() {
  const auto any = rc::gen::elementOf(std::string("abcXYZ019 -_.:#[]|\"'\\/{},é"));
  return rc::gen::map(rc::gen::resize(20, rc::gen::container<std::string>(any)),
                      [](const std::string& text) { return "w" + repair_utf8(text) + "z"; });
}
rc::Gen<std::string> text() {
  return rc::gen::map(rc::gen::arbitrary<std::string>(), [](std::string text) {
    std::replace(text.begin(), text.end(), '\0', 'n');
    std::replace(text.begin(), text.end(), '\r', 'r');
    return "A" + repair_utf8(text) + "\n\n---\nZ";
  });
}

MemoryRecord any_record() {
  MemoryRecord record;
  store::MemoryRow& row = record.row;
  row.scope = {*word(), *rc::gen::element(std::string(), std::string("c")),
               *rc::gen::element(std::string(), std::string("a"))};
  row.id = *word();
  row.type = static_cast<uint8_t>(*rc::gen::inRange(0, kTypes));
  row.importance = *rc::gen::inRange(0, 1'001) / 1'000.0;
  row.text = *text();
  row.tags = *rc::gen::resize(20, rc::gen::container<std::vector<std::string>>(word()));
  tidy_tags(row.tags);
  row.thread = *rc::gen::element(std::string(), std::string("thread"));
  row.time_ms = *rc::gen::arbitrary<int64_t>();
  row.position = *rc::gen::arbitrary<int64_t>();
  if (*rc::gen::arbitrary<bool>()) row.fact = {*word(), *word(), *text()};
  if (*rc::gen::arbitrary<bool>()) row.valid_from_ms = *rc::gen::inRange(-5, 5);
  if (*rc::gen::arbitrary<bool>()) row.valid_to_ms = *rc::gen::inRange(5, 15);
  if (*rc::gen::arbitrary<bool>()) row.superseded_ms = *rc::gen::arbitrary<int32_t>();
  row.source = *rc::gen::element(std::string(), std::string("file:/a b.md"));
  if (*rc::gen::arbitrary<bool>()) row.attributes = R"({"k":[1,2.5,"x"],"o":{"n":null}})";
  row.created_ms = *rc::gen::inRange<int64_t>(0, 1'000'000'000'000);
  row.updated_ms = row.created_ms + 5;
  row.forgotten_ms = *rc::gen::element(0, 0, 77);
  Labels labels = Labels::from(Source::kUser);
  if (*rc::gen::arbitrary<bool>()) labels.join(Labels::tool("read"));
  if (*rc::gen::arbitrary<bool>()) labels.restrict_readers({"ann", "bob"});
  row.provenance.integrity = labels.integrity();
  row.provenance.readers = labels.readable_by_all() ? store::Provenance::everyone() : labels.readers();
  row.provenance.principal = "ann";
  for (int i = 0; i < *rc::gen::inRange(0, 3); ++i)
    record.relations.push_back({{row.scope, format("t{}", i)},
                                static_cast<Relation>(*rc::gen::inRange(0, kRelations)),
                                *rc::gen::element(1.0, 0.25),
                                3});
  if (*rc::gen::arbitrary<bool>()) record.uses = {5, 8};
  return record;
}

void require_equal(const MemoryRecord& a, const MemoryRecord& b) {
  RC_ASSERT(a.row.scope == b.row.scope);
  RC_ASSERT(a.row.id == b.row.id);
  RC_ASSERT(a.row.type == b.row.type);
  RC_ASSERT(a.row.importance == b.row.importance);
  RC_ASSERT(a.row.text == b.row.text);
  RC_ASSERT(a.row.tags == b.row.tags);
  RC_ASSERT(a.row.thread == b.row.thread);
  RC_ASSERT(a.row.time_ms == b.row.time_ms);
  RC_ASSERT(a.row.position == b.row.position);
  RC_ASSERT(a.row.fact == b.row.fact);
  RC_ASSERT(a.row.valid_from_ms == b.row.valid_from_ms);
  RC_ASSERT(a.row.valid_to_ms == b.row.valid_to_ms);
  RC_ASSERT(a.row.superseded_ms == b.row.superseded_ms);
  RC_ASSERT(a.row.source == b.row.source);
  RC_ASSERT(a.row.attributes == b.row.attributes);
  RC_ASSERT(a.row.created_ms == b.row.created_ms);
  RC_ASSERT(a.row.updated_ms == b.row.updated_ms);
  RC_ASSERT(a.row.forgotten_ms == b.row.forgotten_ms);
  RC_ASSERT(a.row.provenance.integrity == b.row.provenance.integrity);
  RC_ASSERT(a.row.provenance.readers == b.row.provenance.readers);
  RC_ASSERT(a.row.provenance.principal == b.row.provenance.principal);
}

RC_GTEST_PROP(JsonRecords, ComeBackAsTheyWere, ()) {
  std::vector<MemoryRecord> written;
  Text out;
  RecordWriter writer(out, {.forgotten = true, .vectors = true});
  for (int i = 0; i < 3; ++i) {
    written.push_back(any_record());
    written.back().vectors = {{"m", 4, std::string("\0\1\2\3", 4)}};
    RC_ASSERT(check_memory(written.back().row).ok());
    RC_ASSERT(writer.write(written.back()).ok());
  }
  RC_ASSERT(writer.finish().ok());
  ImportOptions options = from_user();
  options.vectors = true;
  Records read;
  const ImportReport report = import <JsonImport>(out.text, read, *rc::gen::inRange<size_t>(1, 500), options);
  if (report.failed != 0) RC_FAIL(report.errors[0].reason + ": " + report.errors[0].message);
  RC_ASSERT(!report.torn);
  RC_ASSERT(read.records.size() == written.size());
  for (size_t i = 0; i < written.size(); ++i) {
    require_equal(read.records[i], written[i]);
    RC_ASSERT(read.records[i].relations == written[i].relations);
    RC_ASSERT(read.records[i].uses.count == written[i].uses.count);
    RC_ASSERT(read.records[i].vectors.at(0).bytes == written[i].vectors.at(0).bytes);
  }
}

constexpr std::string_view kLeast = R"({"tau_memory":1,"scope":{"workspace":"w"},"id":"a","text":"hello")";

TEST(JsonRecords, TakeALineThatSaysNothingOfAScope) {
  const auto record = read_record(R"({"tau_memory":1,"id":"a","text":"hello"})", from_user());
  ASSERT_TRUE(record.ok()) << record.status().to_string();
  EXPECT_TRUE(record->row.scope.channel.empty());
}

TEST(JsonRecords, SayWhatALineIsThatIsNoneOfAnExport) {
  const auto record = read_record(R"({"id":"a","text":"hello"})", from_user());
  EXPECT_EQ(record.status().reason(), "unknown_schema");
  EXPECT_NE(record.status().message().find("no line of an export"), std::string_view::npos);
}

TEST(JsonRecords, ReportEachLineThatIsWrongAndGoOn) {
  Records read;
  const std::string least(kLeast);
  const ImportReport report = import_json(
      "\xef\xbb\xbf" + least + "}\r\n\nnonsense\n" + least + R"(,"type":"memo"})" + "\n" + least +
          R"(,"importance":2})" + "\n" + least + R"(,"tags":"x"})" + "\n" + R"({"tau_memory":2})" + "\n" +
          least + R"(,"new":{"deep":[1]}})" + "\n" + least + ",\"ty",
      read);
  EXPECT_EQ(report.lines, 8);
  EXPECT_EQ(report.records, 2);
  EXPECT_EQ(report.failed, 6);
  EXPECT_TRUE(report.torn);
  std::vector<std::string> reasons;
  for (const ImportError& error : report.errors) reasons.push_back(format("{} {}", error.line, error.reason));
  EXPECT_EQ(reasons, (std::vector<std::string>{"3 invalid_json", "4 unknown_memory_type", "5 invalid_memory",
                                               "6 invalid_record", "7 unknown_schema", "9 torn_line"}));
  ASSERT_EQ(read.records.size(), 2u);
  EXPECT_EQ(read.records[0].row.importance, default_importance(Type::kObservation));
  EXPECT_EQ(read.records[0].row.time_ms, 9);
  EXPECT_EQ(read.records[1].row.attributes, R"({"imported":{"new":{"deep":[1]}}})");
}

TEST(JsonRecords, ALastLineWithoutItsEndCounts) {
  Records read;
  const ImportReport report = import_json(std::string(kLeast) + "}", read);
  EXPECT_EQ(report.records, 1);
  EXPECT_FALSE(report.torn);
}

TEST(JsonRecords, AreNeverOfTheSystemAndNeverWiderThanTheirOrigin) {
  Records read;
  (void)import_json(std::string(kLeast) +
                        R"(,"labels":{"integrity":"system,web","readers":"ann"},"by":"root"})" + "\n" +
                        std::string(kLeast) + R"(,"labels":{"integrity":"system"}})" + "\n" +
                        std::string(kLeast) + R"(,"labels":{"integrity":"owner"}})",
                    read);
  ASSERT_EQ(read.records.size(), 2u);
  EXPECT_EQ(read.records[0].row.provenance.integrity, "user,web");
  EXPECT_EQ(read.records[0].row.provenance.readers, "ann");
  EXPECT_EQ(read.records[0].row.provenance.principal, "ann");
  EXPECT_EQ(read.records[1].row.provenance.integrity, "user");
  ImportOptions options = from_user();
  options.origin = Labels();
  EXPECT_EQ(check_import_options(options).reason(), "invalid_origin");
  options.origin = Labels::from(Source::kSystem);
  EXPECT_EQ(check_import_options(options).reason(), "invalid_origin");
  EXPECT_TRUE(check_import_options(from_user()).ok());
}

TEST(JsonRecords, GoWhereTheImportSays) {
  ImportOptions options = from_user();
  options.scope = {"mine", "c", ""};
  const auto record =
      read_record(std::string(kLeast) +
                      R"(,"relations":[{"relation":"blocks","target":"b","scope":{"workspace":"other"}}]})",
                  options);
  ASSERT_TRUE(record.ok());
  EXPECT_EQ(record->row.scope, options.scope);
  EXPECT_EQ(record->relations.at(0).target.scope, options.scope);
  EXPECT_EQ(record->relations.at(0).relation, Relation::kContradicts);
}

TEST(JsonRecords, ALineThatIsTooLongIsNotKept) {
  Records read;
  JsonImport reader(from_user(), read);
  const std::string piece(1 << 20, 'x');
  for (int i = 0; i < 6; ++i) ASSERT_TRUE(reader.feed(piece).ok());
  ASSERT_TRUE(reader.feed("\n" + std::string(kLeast) + "}\n").ok());
  const auto report = reader.finish();
  EXPECT_EQ(report->errors.at(0).reason, "line_too_long");
  EXPECT_EQ(report->records, 1);
}

TEST(JsonRecords, LeaveOutWhatIsForgottenUnlessAsked) {
  MemoryRecord record = *read_record(std::string(kLeast) + R"(,"forgotten_ms":5})", from_user());
  Text out;
  RecordWriter writer(out, {});
  ASSERT_TRUE(writer.write(record).ok());
  ASSERT_TRUE(writer.finish().ok());
  EXPECT_EQ(out.text, "");
  EXPECT_EQ(writer.records(), 0);
}

std::string tau_line(std::string_view id, std::string_view summary, std::string_view more) {
  return format(
      R"({{"schema_version":1,"updated_unix_ms":1000,"scope":{{"workspace_id":"w","channel_id":"default-channel","actor_id":"ann"}},)"
      R"("entry":{{"memory_id":"{}","summary":"{}","tags":["z","a"],"facts":["one","two"],"source_event_key":"e:1",)"
      R"("recency_weight_bps":10,"confidence_bps":0}},"memory_type":"goal","importance":0.9{}}})",
      id, summary, more);
}
constexpr std::string_view kTauEnd =
    R"(,"embedding_source":"hash-fnv1a","embedding_model":null,"embedding_vector":[],)"
    R"("embedding_reason_code":"memory_embedding_hash_only","last_accessed_at_unix_ms":7,"access_count":3,)"
    R"("forgotten":false,"relations":[{"target_id":"b","relation_type":"updates","weight":0.5,"effective_weight":0.5}])";

ImportReport import_tau(std::string_view text, Records& read) {
  TauVersions versions;
  EXPECT_TRUE(versions.feed(text).ok());
  EXPECT_TRUE(versions.finish().ok());
  return import <TauImport>(text, read, 11, from_user(), versions);
}

TEST(TauRecords, TheLastVersionCountsAndComesBackInTausForm) {
  const std::string last = tau_line("a", "New", kTauEnd);
  const std::string text = tau_line("a", "Old", "") + "\n" + tau_line("b", "Other", "") + "\n" + last + "\n";
  Records read;
  const ImportReport report = import_tau(text, read);
  EXPECT_EQ(report.superseded, 1);
  EXPECT_EQ(report.failed, 0);
  ASSERT_EQ(read.records.size(), 2u);
  const MemoryRecord& record = read.records[1];
  EXPECT_EQ(record.row.text, "New\n- one\n- two");
  EXPECT_EQ(record.row.scope, (store::MemoryScope{"w", "", "ann"}));
  EXPECT_EQ(record.row.tags, (std::vector<std::string>{"a", "z"}));
  EXPECT_EQ(record.row.source, "e:1");
  EXPECT_EQ(record.row.updated_ms, 1'000);
  EXPECT_EQ(static_cast<Type>(record.row.type), Type::kGoal);
  EXPECT_EQ(record.uses.count, 3);
  ASSERT_EQ(record.relations.size(), 1u);
  EXPECT_EQ(record.relations[0].weight, 0.5);
  std::string out;
  append_tau_record(out, record);
  EXPECT_EQ(out, last + "\n");
}

TEST(TauRecords, OfEachScopeAreMemoriesOfTheirOwn) {
  const auto in_scope = [](std::string_view channel) {
    return format(
        R"({{"schema_version":1,"updated_unix_ms":1,"scope":{{"workspace_id":"w","channel_id":"{}"}},)"
        R"("entry":{{"memory_id":"a","summary":"s"}},"new":true}})",
        channel);
  };
  Records read;
  const ImportReport report = import_tau(in_scope("x") + "\n" + in_scope("y"), read);
  ASSERT_EQ(read.records.size(), 2u);
  EXPECT_EQ(report.superseded, 0);
  EXPECT_EQ(read.records[0].row.importance, 0.3);
  EXPECT_EQ(read.records[0].row.attributes, R"({"tau":{"record":{"new":true}}})");
}

TEST(TauRecords, TakeOlderNamesOfRelationsAndDropWhatNobodyKnows) {
  const auto relation = [](std::string_view target, std::string_view type) {
    return format(R"({{"target_id":"{}","relation_type":"{}","weight":1,"effective_weight":1}})", target,
                  type);
  };
  const std::string text =
      tau_line("b", "B", "") + "\n" +
      tau_line("a", "A",
               R"(,"relations":[)" + relation("b", "depends_on") + "," + relation("b", "likes") + "," +
                   relation("nowhere", "updates") + "," + relation("a", "updates") + "]") +
      "\n{\"schema_version\":2}\n{\"torn";
  Records read;
  const ImportReport report = import_tau(text, read);
  EXPECT_EQ(report.dropped_relations, 3);
  EXPECT_EQ(report.failed, 2);
  EXPECT_TRUE(report.torn);
  ASSERT_EQ(read.records.size(), 2u);
  EXPECT_EQ(read.records[1].relations.at(0).relation, Relation::kCausedBy);
}

StatusOr<MemoryRecord> note(std::string_view path, std::string_view bytes, std::string_view other = "",
                            int64_t* dropped = nullptr) {
  NoteNames names;
  names.add(path, bytes);
  if (!other.empty()) names.add(other, "");
  ImportOptions options = from_user();
  options.scope.workspace = "w";
  options.time_ms = 50;
  int64_t count = 0;
  return read_note(path, bytes, names, options, dropped == nullptr ? &count : dropped);
}

TEST(Notes, AreReadAsPeopleWriteThem) {
  int64_t dropped = 0;
  const auto record =
      note("garden/roses.md",
           "---\r\ntype: decision\r\ntags: [garden, \"two words\"]\r\ndate: 2024-05-01\r\npart_of: "
           "\"[[plan]]\"\r\nmood: good\r\n---\r\n\r\nCut them. See [[plan|the plan]] and [[nowhere]].\r\n",
           "work/plan.md", &dropped);
  ASSERT_TRUE(record.ok()) << record.status().to_string();
  EXPECT_EQ(record->row.id, "garden/roses");
  EXPECT_EQ(record->row.text, "Cut them. See [[plan|the plan]] and [[nowhere]].");
  EXPECT_EQ(record->row.tags, (std::vector<std::string>{"garden", "two words"}));
  EXPECT_EQ(static_cast<Type>(record->row.type), Type::kDecision);
  EXPECT_EQ(record->row.importance, default_importance(Type::kDecision));
  EXPECT_EQ(record->row.time_ms, 1'714'521'600'000);
  EXPECT_EQ(record->row.attributes, R"({"mood":"good"})");
  EXPECT_EQ(record->row.provenance.integrity, "user");
  ASSERT_EQ(record->relations.size(), 1u);
  EXPECT_EQ(record->relations[0].target.id, "work/plan");
  EXPECT_EQ(record->relations[0].relation, Relation::kPartOf);
  EXPECT_EQ(dropped, 1);
}

TEST(Notes, WithoutFieldsAreText) {
  const auto record = note("a.md", "Just text with [[a]].\n");
  ASSERT_TRUE(record.ok());
  EXPECT_EQ(record->row.id, "a");
  EXPECT_EQ(record->row.time_ms, 50);
  EXPECT_TRUE(record->relations.empty());
}

TEST(Notes, RefuseWhatIsNone) {
  EXPECT_EQ(note("a.md", "\xff").status().reason(), "not_text");
  EXPECT_EQ(note("a.md", "---\ndate: soon\n---\nx").status().reason(), "invalid_note");
  EXPECT_EQ(note("a.md", "---\ntype: memo\n---\nx").status().reason(), "unknown_memory_type");
  EXPECT_EQ(note("a.md", "---\nrelations: [x]\n---\nx").status().reason(), "invalid_note");
  EXPECT_EQ(note("a.md", "---\ntype: fact\n---\n").status().reason(), "invalid_memory");
  EXPECT_EQ(note("a.md", std::string(kMaxNoteBytes + 1, 'a')).status().reason(), "note_too_large");
}

TEST(Notes, HaveNamesThatEveryFileSystemTakes) {
  EXPECT_EQ(note_file_name("roses-1"), "roses-1.md");
  EXPECT_NE(note_file_name("Roses"), note_file_name("roses"));
  EXPECT_NE(note_file_name("a/b"), note_file_name("a_b"));
  EXPECT_EQ(note_file_name("../x").find('/'), std::string::npos);
  EXPECT_LT(note_file_name(std::string(256, 'a')).size(), 100u);
}

RC_GTEST_PROP(Notes, ComeBackAsTheyWere, ()) {
  MemoryRecord written = any_record();
  written.row.time_ms = *rc::gen::inRange<int64_t>(-1'000'000'000'000, 3'000'000'000'000);
  for (RecordRelation& relation : written.relations) relation.created_ms = written.row.updated_ms;
  const std::string text = write_note(written);
  NoteNames names;
  names.add("some/file.md", text);
  for (const RecordRelation& relation : written.relations) names.add(relation.target.id + ".md", "");
  ImportOptions options = from_user();
  options.scope = written.row.scope;
  int64_t dropped = 0;
  const auto read = read_note("some/file.md", text, names, options, &dropped);
  if (!read.ok()) RC_FAIL(read.status().to_string());
  require_equal(*read, written);
  RC_ASSERT(dropped == 0);
  RC_ASSERT(read->relations == written.relations);
}

}  // namespace
}  // namespace tau::memory

// The summariser against an oracle that keeps everything, over random logs with faults.
#include <malloc.h>

#include <cstdlib>
#include <random>

#include "json/json.h"
#include "observe/fixture.h"

// Of the runtime of a sanitizer, where there is one.
extern "C" size_t __sanitizer_get_current_allocated_bytes() __attribute__((weak));

namespace tau::observe {
namespace {

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

struct OracleRow {
  std::map<std::string, uint64_t> counts;
  std::vector<uint64_t> durations;
};

// What a log says, as whoever wrote it knows it.
struct Oracle {
  uint64_t lines = 0, records = 0, newer = 0, unknown = 0, malformed = 0, torn = 0, lost = 0;
  uint64_t compliant = 0, other = 0;
  std::vector<uint64_t> bad;
  std::map<std::string, uint64_t> kinds, reasons;
  std::map<std::string, OracleRow> tools, providers;
};

uint64_t nearest_rank(std::vector<uint64_t> values, uint64_t percent) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  return values[(values.size() * percent + 99) / 100 - 1];
}

// Writes random lines and notes what they mean.
class LogMaker {
 public:
  explicit LogMaker(unsigned seed) : random_(seed) {}

  Oracle oracle;
  std::string text;

  void file(int lines) {
    if (chance(3)) {
      text += kByteOrderMark;
      lines = std::max(lines, 1);  // alone it would be a line
    }
    for (int i = 0; i < lines; ++i) {
      ++number_;
      const std::string made = line();
      text += made;
      text += chance(5) ? "\r\n" : "\n";
    }
    // Its writer died, or just did not end its last line.
    if (chance(2)) {
      ++number_;
      if (chance(2)) {
        ++oracle.torn;
        ++oracle.lines;
        text += "{\"event\":\"tool_exec";
      } else {
        text += ours();
      }
    }
  }

  unsigned pick(unsigned below) { return static_cast<unsigned>(random_() % below); }
  bool chance(unsigned one_in) { return pick(one_in) == 0; }

 private:
  static void count(OracleRow& row, const std::string& name, uint64_t by = 1) { row.counts[name] += by; }
  std::string name(const char* kind, unsigned of) { return std::string(kind) + std::to_string(pick(of)); }
  uint64_t duration() {
    const uint64_t scale[] = {10, 300, 100'000, uint64_t{1} << 40};
    return random_() % scale[pick(4)];
  }
  std::string known(const json::Value& value, const std::string& kind) {
    ++oracle.lines;
    ++oracle.records;
    ++oracle.kinds[kind];
    return json::write(value);
  }

  std::string line() {
    switch (pick(12)) {
      case 0: return blank();
      case 1: return malformed();
      case 2: return strange();
      case 3: return lifecycle();
      case 4:
      case 5: return tau_tool();
      case 6:
      case 7: return tau_prompt();
      default: return ours();
    }
  }
  std::string blank() { return std::string(pick(3), ' ') + (chance(2) ? "\t" : ""); }
  std::string malformed() {
    ++oracle.lines;
    ++oracle.malformed;
    if (oracle.bad.size() < kMostBadLines) oracle.bad.push_back(number_);
    const std::string cases[] = {"{",
                                 "[1,2]",
                                 "null",
                                 "{\"a\":1}{\"b\":2}",
                                 "{\"a\":1,\"a\":2}",
                                 std::string("\0\0\0", 3),
                                 "{\"a\":\"\xff\"}",
                                 "{\"event\":\"tool_execution_end\",\"duration_ms\":NaN}",
                                 std::string(200, '[') + std::string(200, ']'),
                                 "\"" + std::string(5000, 'x') + "\"",
                                 std::string(kByteOrderMark) + "{"};
    return cases[pick(static_cast<unsigned>(std::size(cases)))];
  }
  std::string strange() {
    ++oracle.lines;
    if (chance(2)) {
      ++oracle.unknown;
      const char* const cases[] = {"{}",
                                   R"({"event":"model_start"})",
                                   R"({"record_type":"prompt_telemetry_vx"})",
                                   R"({"v":1,"seq":5,"kind":"tool.invented","time_ms":0})",
                                   R"({"v":"1","seq":5,"kind":"tool.finished"})",
                                   R"({"v":0,"seq":5,"kind":"tool.finished"})",
                                   R"({"record_type":"prompt_telemetry_v1","schema_version":"1"})",
                                   R"({"record_type":"prompt_telemetry_v1","schema_version":0})"};
      return cases[pick(static_cast<unsigned>(std::size(cases)))];
    }
    ++oracle.newer;
    const char* const cases[] = {R"({"v":2,"seq":5,"kind":"tool.finished","tool":"t"})",
                                 R"({"record_type":"prompt_telemetry_v2","provider":"p"})",
                                 R"({"record_type":"prompt_telemetry_v1","schema_version":2})",
                                 R"({"record_type":"prompt_telemetry","schema_version":1})",
                                 R"({"record_type":"otel_export_v3"})",
                                 R"({"event":"tool_execution_end","schema_version":9,"tool_name":"t"})",
                                 R"({"record_type":"lifecycle_control_audit_v1","schema_version":2})",
                                 R"({"record_type":"lifecycle_control_audit_v10"})"};
    return cases[pick(static_cast<unsigned>(std::size(cases)))];
  }

  std::string ours() {
    static constexpr std::string_view kOutcomes[] = {"ok", "error", "throttled", "cancelled"};
    static constexpr std::string_view kColumns[] = {"ok", "errors", "throttled", "cancelled"};
    const unsigned outcome = pick(4);
    json::Value value = json::Value::object();
    const std::string reason = chance(3) ? name("reason_", 4) : "";
    value.set("v", 1).set("seq", ++seq_).set("time_ms", 1);
    if (!reason.empty()) {
      value.set("reason", reason);
      ++oracle.reasons[reason];
    }
    switch (pick(4)) {
      case 0: {
        static constexpr std::string_view kDecisions[] = {"allow", "ask", "deny"};
        static constexpr std::string_view kVerdicts[] = {"allowed", "asked", "denied"};
        const unsigned decision = pick(3);
        const std::string tool = name("tool_", 5);
        count(oracle.tools[tool], std::string(kVerdicts[decision]));
        value.set("kind", "tool.decided").set("tool", tool).set("decision", kDecisions[decision]);
        return known(value, "tool.decided");
      }
      case 1: {
        const std::string tool = name("tool_", 5);
        OracleRow& row = oracle.tools[tool];
        count(row, "calls");
        count(row, std::string(kColumns[outcome]));
        value.set("kind", "tool.finished").set("tool", tool).set("outcome", kOutcomes[outcome]);
        add_duration(value, row, true);
        return known(value, "tool.finished");
      }
      case 2: {
        const std::string provider = name("provider_", 3);
        OracleRow& row = oracle.providers[provider];
        count(row, "requests");
        count(row, std::string(kColumns[outcome]));
        value.set("kind", "model.finished").set("provider", provider).set("outcome", kOutcomes[outcome]);
        add_duration(value, row, true);
        const uint64_t input = pick(1000);
        const uint64_t output = pick(1000);
        value.set("input_tokens", input).set("output_tokens", output);
        count(row, "input", input);
        count(row, "output", output);
        count(row, "total", input + output);
        return known(value, "model.finished");
      }
      default: {
        const uint64_t lost = pick(5);
        oracle.lost += lost;
        return known(value.set("kind", "log.lost").set("count", lost), "log.lost");
      }
    }
  }
  void add_duration(json::Value& value, OracleRow& row, bool zero_counts) {
    switch (pick(6)) {
      case 0: return;
      case 1: value.set("duration_ms", -1); return;
      case 2: value.set("duration_ms", "12"); return;
      default: break;
    }
    const uint64_t ms = duration();
    value.set("duration_ms", ms);
    if (ms != 0 || zero_counts) row.durations.push_back(ms);
  }

  std::string tau_tool() {
    json::Value value = json::Value::object();
    if (chance(4)) {
      value.set("event", "tool_execution_start").set("tool_name", name("tool_", 5)).set("arguments_bytes", 3);
      return known(value, "tau.tool_execution_start");
    }
    value.set("event", "tool_execution_end");
    std::string tool = "unknown_tool";
    if (!chance(6)) value.set("tool_name", tool = name("tool_", 5));
    OracleRow& row = oracle.tools[tool];
    count(row, "calls");
    const bool error = chance(2);
    if (error || chance(2)) value.set("is_error", error);
    const bool throttled = chance(3);
    if (throttled) {
      value.set("throttled", true).set("throttle_reason_code", "rate_limit");
      ++oracle.reasons["rate_limit"];
    }
    count(row, throttled ? "throttled" : error ? "errors" : "ok");
    add_duration(value, row, true);
    return known(value, "tau.tool_execution_end");
  }
  std::string tau_prompt() {
    json::Value value = json::Value::object();
    const bool legacy = chance(3);
    value.set("record_type", legacy ? "prompt_telemetry" : "prompt_telemetry_v1");
    if (chance(2)) value.set("schema_version", legacy ? 0 : 1);
    std::string provider = "unknown_provider";
    if (!chance(6)) value.set("provider", provider = name("provider_", 3));
    OracleRow& row = oracle.providers[provider];
    count(row, "requests");
    const bool completed = chance(2);
    bool success = completed;
    value.set("status", completed ? "completed" : "interrupted");
    if (chance(2)) value.set("success", success = chance(2));
    count(row, success ? "ok" : "errors");
    add_duration(value, row, false);
    json::Value usage = json::Value::object();
    const uint64_t input = pick(1000);
    const uint64_t output = pick(1000);
    uint64_t total = input + output;
    usage.set("input_tokens", input).set("output_tokens", output);
    if (chance(2)) usage.set("total_tokens", total = pick(5000));
    value.set("token_usage", usage);
    count(row, "input", input);
    count(row, "output", output);
    count(row, "total", total);
    return known(value, std::string("tau.") + (legacy ? "prompt_telemetry" : "prompt_telemetry_v1"));
  }
  std::string lifecycle() {
    json::Value value = json::Value::object();
    value.set("record_type", "lifecycle_control_audit_v1").set("schema_version", 1);
    value.set("timestamp_unix_ms", 5).set("request_id", "a").set("run_id", "b").set("from_state", "c");
    value.set("to_state", "d").set("action", "pause").set("status", "accepted");
    const bool complies = chance(2);
    if (!complies) {
      switch (pick(4)) {
        case 0: value.set("action", "explode"); break;
        case 1: value.set("run_id", "  "); break;
        case 2: value.erase("timestamp_unix_ms"); break;
        default: value.erase("schema_version"); break;
      }
    }
    ++(complies ? oracle.compliant : oracle.other);
    return known(value, "tau.lifecycle_control_audit_v1");
  }

  std::mt19937_64 random_;
  uint64_t number_ = 0;
  uint64_t seq_ = 0;
};

void expect_latency(const Latency& found, const std::vector<uint64_t>& exact) {
  ASSERT_EQ(found.count(), exact.size());
  if (exact.empty()) return;
  const uint64_t most = *std::max_element(exact.begin(), exact.end());
  EXPECT_EQ(found.most(), most);
  EXPECT_EQ(found.least(), *std::min_element(exact.begin(), exact.end()));
  uint64_t sum = 0;
  for (const uint64_t value : exact) sum += value;
  EXPECT_EQ(found.sum(), sum);
  for (unsigned percent = 1; percent <= 100; ++percent) {
    const uint64_t right = nearest_rank(exact, percent);
    const uint64_t said = found.percentile(percent);
    EXPECT_EQ(said, std::min(Latency::bucket_top(right), most)) << percent;
    if (right < 256) { EXPECT_EQ(said, right) << percent; }
    EXPECT_GE(said, right);
    EXPECT_LE(said - right, right / 128);
  }
}

void expect_same(const SummaryReport& found, Oracle& oracle) {
  EXPECT_EQ(found.lines, oracle.lines);
  EXPECT_EQ(found.records, oracle.records);
  EXPECT_EQ(found.newer, oracle.newer);
  EXPECT_EQ(found.unknown, oracle.unknown);
  EXPECT_EQ(found.malformed, oracle.malformed);
  EXPECT_EQ(found.torn, oracle.torn);
  EXPECT_EQ(found.bad_lines, oracle.bad);
  EXPECT_EQ(found.lost, oracle.lost);
  EXPECT_EQ(found.lifecycle_compliant, oracle.compliant);
  EXPECT_EQ(found.lifecycle_other, oracle.other);
  EXPECT_TRUE(std::equal(found.kinds.begin(), found.kinds.end(), oracle.kinds.begin(), oracle.kinds.end()));
  EXPECT_TRUE(
      std::equal(found.reasons.begin(), found.reasons.end(), oracle.reasons.begin(), oracle.reasons.end()));
  ASSERT_EQ(found.tools.size(), oracle.tools.size());
  for (const auto& [name, row] : found.tools) {
    SCOPED_TRACE(name);
    OracleRow& exact = oracle.tools[name];
    EXPECT_EQ(row.calls, exact.counts["calls"]);
    EXPECT_EQ(row.errors, exact.counts["errors"]);
    EXPECT_EQ(row.throttled, exact.counts["throttled"]);
    EXPECT_EQ(row.cancelled, exact.counts["cancelled"]);
    EXPECT_EQ(row.allowed, exact.counts["allowed"]);
    EXPECT_EQ(row.asked, exact.counts["asked"]);
    EXPECT_EQ(row.denied, exact.counts["denied"]);
    expect_latency(row.duration_ms, exact.durations);
  }
  ASSERT_EQ(found.providers.size(), oracle.providers.size());
  for (const auto& [name, row] : found.providers) {
    SCOPED_TRACE(name);
    OracleRow& exact = oracle.providers[name];
    EXPECT_EQ(row.requests, exact.counts["requests"]);
    EXPECT_EQ(row.errors, exact.counts["errors"]);
    EXPECT_EQ(row.throttled, exact.counts["throttled"]);
    EXPECT_EQ(row.cancelled, exact.counts["cancelled"]);
    EXPECT_EQ(row.input_tokens, exact.counts["input"]);
    EXPECT_EQ(row.output_tokens, exact.counts["output"]);
    EXPECT_EQ(row.total_tokens, exact.counts["total"]);
    expect_latency(row.duration_ms, exact.durations);
  }
}

// What is allocated now: a sanitizer keeps what was given back, so that the resident set would measure it.
size_t live_bytes() {
  if (__sanitizer_get_current_allocated_bytes != nullptr) return __sanitizer_get_current_allocated_bytes();
  const auto info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

TEST(SummaryTest, AgreesWithAnOracleOverRandomLogs) {
  const char* const setting = std::getenv("TAU_SEED");
  const unsigned seed =
      setting != nullptr ? static_cast<unsigned>(std::atoi(setting)) : std::random_device()();
  for (unsigned round = 0; round < 200; ++round) {
    SCOPED_TRACE(format("TAU_SEED={} round {}", seed, round));
    LogMaker maker(seed + round);
    Summary summary;
    for (unsigned file = 0; file < 3; ++file) {
      maker.text.clear();
      maker.file(static_cast<int>(maker.pick(200)));
      const std::string_view text = maker.text;
      for (size_t at = 0; at < text.size();) {  // in any pieces
        const size_t size = maker.chance(3) ? maker.pick(5) : maker.pick(3000);
        summary.feed(text.substr(at, size));
        at += size;
      }
      summary.end_file();
    }
    expect_same(summary.report(), maker.oracle);
    ASSERT_TRUE(json::parse(summary.to_json()).ok());
    if (testing::Test::HasFailure()) return;
  }
}

TEST(SummaryTest, LatencyIsExactWhereItSaysSo) {
  std::mt19937_64 random(5);
  for (int round = 0; round < 200; ++round) {
    Latency latency;
    std::vector<uint64_t> values;
    const unsigned shift = static_cast<unsigned>(random() % 62) + 1;
    for (uint64_t i = random() % 300; i > 0; --i) {
      values.push_back(random() >> shift >> (random() % 2) * 7);
      latency.add(values.back());
    }
    if (shift > 10) expect_latency(latency, values);  // the sum of larger ones is not exact
  }
  Latency edges;
  for (const uint64_t value :
       {uint64_t{0}, uint64_t{127}, uint64_t{128}, uint64_t{255}, UINT64_MAX, UINT64_MAX})
    edges.add(value);
  EXPECT_EQ(edges.percentile(1), 0u);
  EXPECT_EQ(edges.percentile(50), 128u);
  EXPECT_EQ(edges.percentile(66), 255u);
  EXPECT_EQ(edges.percentile(100), UINT64_MAX);
  EXPECT_EQ(edges.sum(), UINT64_MAX) << "sums stop";
  EXPECT_EQ(Latency().percentile(50), 0u);
}

TEST(SummaryTest, ReadsTheRecordsOfTau) {
  Summary summary;
  summary.feed(
      R"({"event":"tool_execution_end","tool_name":"bash","duration_ms":12,"is_error":false})"
      "\n"
      R"({"event":"tool_execution_end","tool_name":"bash","duration_ms":32,"is_error":true})"
      "\n"
      R"({"record_type":"prompt_telemetry_v1","provider":"openai","status":"completed","success":true,)"
      R"("duration_ms":100,"token_usage":{"input_tokens":4,"output_tokens":2,"total_tokens":6}})"
      "\n"
      R"({"record_type":"prompt_telemetry_v1","provider":"openai","status":"interrupted",)"
      R"("duration_ms":180,"token_usage":{"input_tokens":1,"output_tokens":1}})");
  summary.end_file();
  const SummaryReport& report = summary.report();
  EXPECT_EQ(report.records, 4u);
  const ToolRow& bash = report.tools.find("bash")->second;
  EXPECT_EQ(bash.calls, 2u);
  EXPECT_EQ(bash.errors, 1u);
  EXPECT_EQ(bash.duration_ms.percentile(50), 12u);
  EXPECT_EQ(bash.duration_ms.percentile(95), 32u);
  const ProviderRow& openai = report.providers.find("openai")->second;
  EXPECT_EQ(openai.requests, 2u);
  EXPECT_EQ(openai.errors, 1u);
  EXPECT_EQ(openai.total_tokens, 8u);
}

TEST(SummaryTest, AMillionLinesOfJunkAreCounted) {
  std::mt19937_64 random(11);
  static constexpr std::string_view kPieces[] = {
      "{",  "}",    "[",         "\"",   ":",        ",",       "\"v\"", "1",
      "\\", "\xff", "\"event\"", "null", "\"kind\"", "\"seq\"", "-1e9",  "\"tool.finished\"",
      " ",  "\r"};
  Summary summary;
  std::string piece;
  uint64_t blank = 0;
  for (int i = 0; i < 1'000'000; ++i) {
    std::string line;
    for (uint64_t j = random() % 8; j > 0; --j) {
      const uint64_t pick = random();
      if (pick % 4 == 0)
        line += static_cast<char>((pick >> 8) % 256 == '\n' ? 0 : (pick >> 8) % 256);
      else
        line += kPieces[(pick >> 8) % std::size(kPieces)];
    }
    if (i == 0) line = "x";  // no byte order mark
    blank += line.find_first_not_of(" \t\r") == line.npos;
    piece += line + "\n";
    if (piece.size() > 100'000) summary.feed(std::exchange(piece, {}));
  }
  summary.feed(piece);
  summary.end_file();
  const SummaryReport& report = summary.report();
  EXPECT_EQ(report.lines, 1'000'000 - blank);
  EXPECT_EQ(report.lines, report.records + report.newer + report.unknown + report.malformed + report.torn);
  EXPECT_EQ(report.bad_lines.size(), kMostBadLines);
}

TEST(SummaryTest, MemoryIsBoundedWhateverComes) {
  Summary summary;
  const std::string piece(1 << 20, 'x');
  summary.feed(piece);
  const size_t before = live_bytes();
  for (int i = 0; i < 100; ++i) summary.feed(piece);  // a line of a hundred megabytes
  summary.feed("\n{}\n");
  for (int i = 0; i < 100'000; ++i) {  // each with names of its own
    const std::string name = std::to_string(i) + std::string(static_cast<size_t>(i % 300), 'n');
    summary.feed(R"({"v":1,"seq":1,"kind":"tool.finished","duration_ms":)" + std::to_string(i * 7919) +
                 R"(,"tool":")" + name + R"(","reason":")" + name + "\"}\n");
  }
  // Many lines of the same, up to a gigabyte in the slow suite.
  const char* const setting = std::getenv("TAU_SUMMARY_MEGABYTES");
  std::string block;
  uint64_t in_block = 0;
  for (; block.size() < (1 << 20); ++in_block)
    block +=
        R"({"event":"tool_execution_end","tool_name":"x","duration_ms":)" + std::to_string(in_block) + "}\n";
  const uint64_t blocks = setting != nullptr ? static_cast<uint64_t>(std::atoi(setting)) : 10;
  for (uint64_t i = 0; i < blocks; ++i) summary.feed(block);
  summary.end_file();
  const SummaryReport& report = summary.report();
  EXPECT_EQ(report.kinds.find("tau.tool_execution_end")->second, blocks * in_block);
  EXPECT_EQ(report.malformed, 1u);
  EXPECT_EQ(report.bad_lines, std::vector<uint64_t>{1});
  EXPECT_EQ(report.unknown, 1u);
  EXPECT_GE(report.tools.size(), kMostRows);
  EXPECT_LE(report.tools.size(), kMostRows + 1);
  uint64_t calls = 0;
  for (const auto& [name, row] : report.tools) calls += row.calls;
  EXPECT_EQ(calls, 100'000u + blocks * in_block) << "none is lost";
  EXPECT_LT(live_bytes() - std::min(before, live_bytes()), size_t{24} << 20);
}

class SummaryOfLog : public LogFixture {};

TEST_F(SummaryOfLog, ReadsItsOwnRecordsAndShowsTheTail) {
  AuditOptions given = options();
  given.max_file_bytes = 1000;
  const auto log = open(given);
  auto tail = *Tail::open(folder_, 0);
  for (int i = 0; i < 10; ++i)
    ASSERT_TRUE(log->append(tool_record().set(Number::kDurationMs, i).set(Text::kReason, "r")).ok());
  Summary summary;
  ASSERT_TRUE(summarise_log(folder_, summary).ok());
  EXPECT_EQ(summary.report().records, 11u);
  EXPECT_EQ(summary.report().last_seq, 11u);
  EXPECT_EQ(summary.report().tools.find("bash")->second.calls, 10u);
  EXPECT_EQ(summary.report().reasons.find("r")->second, 10u);
  Summary one;
  ASSERT_TRUE(summarise_file(files()[0], one).ok());
  EXPECT_GT(one.report().records, 0u);
  EXPECT_EQ(summarise_file(dir_.file("none"), one).reason(), "file_not_found");

  const auto all = lines();
  std::vector<std::string> seen;
  EXPECT_EQ(*tail.poll(seen), 10u) << "through all files";
  EXPECT_EQ(*tail.poll(seen), 0u);
  EXPECT_EQ(seen, std::vector<std::string>(all.begin() + 1, all.end()));
  ASSERT_TRUE(log->append(tool_record()).ok());
  EXPECT_EQ(*tail.poll(seen), 1u);
  for (const size_t wanted : {size_t{0}, size_t{1}, size_t{3}, size_t{7}, size_t{12}, size_t{100}}) {
    SCOPED_TRACE(wanted);
    std::vector<std::string> last;
    auto fresh = *Tail::open(folder_, wanted);
    EXPECT_EQ(*fresh.poll(last), std::min<size_t>(wanted, 12));
    const auto now = lines();
    EXPECT_TRUE(std::equal(last.rbegin(), last.rend(), now.rbegin()));
  }
}

}  // namespace
}  // namespace tau::observe

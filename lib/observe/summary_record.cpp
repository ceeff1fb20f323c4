#include "observe/summary_record.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "observe/record.h"

namespace tau::observe {
namespace {

enum class Version : uint8_t { kKnown, kNewer, kUnknown };

void add(uint64_t& sum, uint64_t more) { sum = sum > UINT64_MAX - more ? UINT64_MAX : sum + more; }

template <class Row>
Row& row(std::map<std::string, Row, std::less<>>& table, std::string_view name) {
  if (const auto found = table.find(name); found != table.end()) return found->second;
  if (table.size() >= kMostRows || name.size() > kMostNameBytes) name = kOtherName;
  return table.try_emplace(std::string(name)).first->second;
}

// A count or a time; nothing when the member is missing or is none.
std::optional<uint64_t> count_of(const json::Value& value) {
  if (!value.is_number() || value.as_uint(1) != value.as_uint(0)) return std::nullopt;
  return value.as_uint();
}

void add_reason(const json::Value& reason, SummaryReport& report) {
  if (!reason.as_string().empty()) ++row(report.reasons, reason.as_string());
}

template <class Row>
void add_outcome(std::string_view outcome, Row& to) {
  if (outcome == "error") ++to.errors;
  if (outcome == "throttled") ++to.throttled;
  if (outcome == "cancelled") ++to.cancelled;
}

template <class Row>
void add_duration(const json::Value& duration, Row& to) {
  if (const auto value = count_of(duration)) to.duration_ms.add(*value);
}

void add_tokens(const json::Value& usage, ProviderRow& to) {
  const uint64_t input = count_of(usage["input_tokens"]).value_or(0);
  const uint64_t output = count_of(usage["output_tokens"]).value_or(0);
  uint64_t sum = input;
  add(sum, output);
  add(to.input_tokens, input);
  add(to.output_tokens, output);
  add(to.total_tokens, count_of(usage["total_tokens"]).value_or(sum));
}

std::optional<Kind> own_kind(std::string_view name) {
  for (size_t i = 0; i < static_cast<size_t>(Kind::kCount); ++i) {
    if (kind_name(static_cast<Kind>(i)) == name) return static_cast<Kind>(i);
  }
  return std::nullopt;
}

void add_decision(const json::Value& record, ToolRow& to) {
  const std::string_view decision = record["decision"].as_string();
  if (decision == "allow") ++to.allowed;
  if (decision == "ask") ++to.asked;
  if (decision == "deny") ++to.denied;
}

// Those of one command under one decision. A record without a decision counts what the others count, too.
void add_connections(const json::Value& record, SummaryReport& report) {
  const std::string_view decision = record["decision"].as_string();
  const uint64_t count = count_of(record["count"]).value_or(0);
  if (decision == "allow") add(report.connections_allowed, count);
  if (decision == "deny") add(report.connections_denied, count);
  add(report.sent_bytes, count_of(record["sent_bytes"]).value_or(0));
  add(report.received_bytes, count_of(record["received_bytes"]).value_or(0));
}

std::string_view name_or(const json::Value& name, std::string_view otherwise) {
  return name.as_string().empty() ? otherwise : name.as_string();
}

// Of this library.
Version add_own(const json::Value& record, SummaryReport& report) {
  const int64_t version = record["v"].as_int();
  if (version > kRecordVersion) return Version::kNewer;
  const auto kind = own_kind(record["kind"].as_string());
  if (version != kRecordVersion || !kind) return Version::kUnknown;
  ++report.kinds[std::string(kind_name(*kind))];
  const uint64_t seq = record["seq"].as_uint();
  if (report.first_seq == 0 || seq < report.first_seq) report.first_seq = seq;
  report.last_seq = std::max(report.last_seq, seq);
  add_reason(record["reason"], report);
  if (*kind == Kind::kToolDecided)
    add_decision(record, row(report.tools, name_or(record["tool"], "unknown_tool")));
  if (*kind == Kind::kToolFinished) {
    ToolRow& tool = row(report.tools, name_or(record["tool"], "unknown_tool"));
    ++tool.calls;
    add_outcome(record["outcome"].as_string(), tool);
    add_duration(record["duration_ms"], tool);
  }
  if (*kind == Kind::kModelFinished) {
    ProviderRow& provider = row(report.providers, name_or(record["provider"], "unknown_provider"));
    ++provider.requests;
    add_outcome(record["outcome"].as_string(), provider);
    add_duration(record["duration_ms"], provider);
    add_tokens(record, provider);
    add(provider.cost_usd_micros, count_of(record["cost_usd_micros"]).value_or(0));
  }
  if (*kind == Kind::kNetworkEnded) add_connections(record, report);
  if (*kind == Kind::kLogLost) add(report.lost, count_of(record["count"]).value_or(0));
  return Version::kKnown;
}

// Of Tau. A record of its first releases has no schema version.
Version schema(const json::Value& record, int64_t known) {
  const json::Value& version = record["schema_version"];
  if (version.is_null() || (version.is_integer() && version.as_int(-1) == known)) return Version::kKnown;
  const bool newer = version.is_integer() && (version.as_uint() > 0 && version.as_int(INT64_MAX) > known);
  return newer ? Version::kNewer : Version::kUnknown;
}

Version add_tool_event(const json::Value& record, SummaryReport& report) {
  const Version version = schema(record, 1);
  if (version != Version::kKnown) return version;
  const std::string_view event = record["event"].as_string();
  ++report.kinds["tau." + std::string(event)];
  if (event == "tool_execution_start") return version;
  ToolRow& tool = row(report.tools, name_or(record["tool_name"], "unknown_tool"));
  ++tool.calls;
  // What was throttled says is_error as well; it never ran.
  const bool throttled = record["throttled"].as_bool();
  add_outcome(throttled ? "throttled" : record["is_error"].as_bool() ? "error" : "ok", tool);
  add_duration(record["duration_ms"], tool);
  add_reason(record["throttle_reason_code"], report);
  return version;
}

Version add_prompt(const json::Value& record, SummaryReport& report) {
  const std::string_view type = record["record_type"].as_string();
  const Version version = schema(record, type == "prompt_telemetry" ? 0 : 1);
  if (version != Version::kKnown) return version;
  ++report.kinds["tau." + std::string(type)];
  ProviderRow& provider = row(report.providers, name_or(record["provider"], "unknown_provider"));
  ++provider.requests;
  const bool success = record["success"].as_bool(record["status"].as_string() == "completed");
  add_outcome(success ? "ok" : "error", provider);
  // 0 is how these say that nothing was measured.
  if (const auto duration = count_of(record["duration_ms"]); duration.value_or(0) != 0)
    provider.duration_ms.add(*duration);
  add_tokens(record["token_usage"], provider);
  return version;
}

bool is_blank(const json::Value& text) {
  return text.as_string().find_first_not_of(" \t\r\n") == std::string_view::npos;
}

Version add_lifecycle(const json::Value& record, SummaryReport& report) {
  const Version version = schema(record, 1);
  if (version == Version::kNewer) return version;
  ++report.kinds["tau.lifecycle_control_audit_v1"];
  const std::string_view action = record["action"].as_string();
  const std::string_view status = record["status"].as_string();
  bool complies = record["schema_version"].as_int() == 1 && record["timestamp_unix_ms"].is_integer() &&
                  (action == "pause" || action == "resume" || action == "cancel" || action == "rollback") &&
                  (status == "accepted" || status == "rejected");
  for (const char* name : {"request_id", "run_id", "from_state", "to_state"})
    complies = complies && !is_blank(record[name]);
  ++(complies ? report.lifecycle_compliant : report.lifecycle_other);
  return Version::kKnown;
}

Version add_export(const json::Value& record, SummaryReport& report) {
  const Version version = schema(record, 1);
  if (version == Version::kKnown) ++report.kinds["tau.otel_export_v1"];
  return version;
}

// "prompt_telemetry_v2" and the like.
bool is_newer_type(std::string_view type) {
  for (const std::string_view base : {"prompt_telemetry_v", "lifecycle_control_audit_v", "otel_export_v"}) {
    if (!type.starts_with(base)) continue;
    uint64_t number = 0;
    const std::string_view digits = type.substr(base.size());
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    return error == std::errc() && end == digits.data() + digits.size() && number > 1;
  }
  return false;
}

Version add_any(const json::Value& record, SummaryReport& report) {
  if (record["v"].is_integer() && record["seq"].is_integer() && record["kind"].is_string())
    return add_own(record, report);
  const std::string_view event = record["event"].as_string();
  if (event == "tool_execution_end" || event == "tool_execution_start") return add_tool_event(record, report);
  const std::string_view type = record["record_type"].as_string();
  if (type == "prompt_telemetry_v1" || type == "prompt_telemetry") return add_prompt(record, report);
  if (type == "lifecycle_control_audit_v1") return add_lifecycle(record, report);
  if (type == "otel_export_v1") return add_export(record, report);
  return is_newer_type(type) ? Version::kNewer : Version::kUnknown;
}

}  // namespace

void add_record(const json::Value& record, SummaryReport& report) {
  switch (add_any(record, report)) {
    case Version::kKnown: ++report.records; break;
    case Version::kNewer: ++report.newer; break;
    case Version::kUnknown: ++report.unknown; break;
  }
}

}  // namespace tau::observe

// How a simulated provider answers, well or badly.
#include "simulator/transport.h"

namespace tau::sim {
namespace {

constexpr Fault kInsteadOfAnswer[] = {Fault::kConnectRefused,       Fault::kTlsFailure,
                                      Fault::kRateLimitedWithDelay, Fault::kRateLimited,
                                      Fault::kServerError,          Fault::kOverloaded};
constexpr Fault kInAnswer[] = {Fault::kStall,          Fault::kSlowDrip,       Fault::kCutInEvent,
                               Fault::kCutInCharacter, Fault::kMalformedJson,  Fault::kErrorInside,
                               Fault::kWrongToolId,    Fault::kDuplicateDelta, Fault::kHugeLine,
                               Fault::kLateBytes,      Fault::kLateBytes,      Fault::kLateBytes};

// A line that no field of an event begins: skipped, however long it is.
const std::string& huge_line() {
  static const std::string kLine = ": " + std::string(200'000, 'x') + "\n";
  return kLine;
}
// Beyond what an event may take.
const std::string& endless_line() {
  static const std::string kLine = "data: " + std::string(net::SseParser::kMaxEventBytes + 64, 'x');
  return kLine;
}

Status broken(std::string_view reason, bool retryable) {
  ErrorInfo info;
  info.code = Code::kUnavailable;
  info.reason = reason;
  info.message = "simulated";
  info.retryable = retryable;
  return Status(std::move(info));
}

}  // namespace

ScriptWriter::Chunks ScriptWriter::chunks_of(const wire::Response& answer) {
  Chunks out;
  const auto encoder = dialect_.stream_encoder();
  encoder->begin(answer, out.emplace_back());
  uint32_t call_index = 0;
  uint32_t part_index = 0;
  for (const wire::Part& part : answer.message.parts) {
    wire::StreamEvent event{.kind = wire::StreamEvent::Kind::kText, .part = part_index++};
    if (const auto* text = part.as<wire::Text>()) {
      const size_t half = text->text.size() / 2;
      for (const std::string_view piece :
           {std::string_view(text->text).substr(0, half), std::string_view(text->text).substr(half)}) {
        event.text = piece;
        encoder->event(event, out.emplace_back());
      }
    } else if (const auto* call = part.as<wire::ToolCall>()) {
      event.index = call_index++;
      event.id = call->id;
      event.name = call->name;
      event.text = call->arguments;
      for (const auto kind : {wire::StreamEvent::Kind::kToolCall, wire::StreamEvent::Kind::kToolCallArgs,
                              wire::StreamEvent::Kind::kToolCallEnd}) {
        event.kind = kind;
        encoder->event(event, out.emplace_back());
      }
    }
  }
  encoder->finish(answer, out.emplace_back());
  return out;
}

void ScriptWriter::body(std::string bytes, int64_t most_delay_ns) {
  Piece piece;
  piece.delay_ns = rng_.below(most_delay_ns);
  piece.bytes = std::move(bytes);
  script_.push_back(std::move(piece));
}

// Bytes arrive in pieces that know nothing of lines and characters.
void ScriptWriter::split_body(const std::string& bytes) {
  if (bytes.empty()) return;
  const auto at = static_cast<size_t>(rng_.below(static_cast<int64_t>(bytes.size())));
  if (at == 0 || rng_.chance(70)) return body(bytes);
  body(bytes.substr(0, at));
  body(bytes.substr(at));
}

void ScriptWriter::mark(Fault fault) {
  Piece piece;
  piece.kind = Piece::Kind::kFault;
  piece.fault = fault;
  script_.push_back(std::move(piece));
}

void ScriptWriter::end(Status status, int64_t delay_ns) {
  Piece piece;
  piece.kind = Piece::Kind::kEnd;
  piece.delay_ns = delay_ns;
  piece.end = std::move(status);
  script_.push_back(std::move(piece));
}

void ScriptWriter::head(int status, std::vector<std::pair<std::string, std::string>> headers) {
  Piece piece;
  piece.kind = Piece::Kind::kHead;
  piece.delay_ns = 1 + rng_.below(4 * kMs);
  piece.http_status = status;
  piece.headers = std::move(headers);
  script_.push_back(std::move(piece));
}

void ScriptWriter::http_error(Fault fault, int status) {
  std::vector<std::pair<std::string, std::string>> headers = {{"content-type", "application/json"}};
  if (fault == Fault::kRateLimitedWithDelay)
    headers.emplace_back("retry-after", rng_.chance(80) ? "1" : "3600");
  mark(fault);
  head(status, std::move(headers));
  body(R"({"error":{"type":"some_error","message":"simulated"}})");
  end();
}

// Writes a failure that stands instead of an answer. False when the fault is one inside an answer.
bool ScriptWriter::write_failure(Fault fault) {
  switch (fault) {
    case Fault::kConnectRefused: mark(fault), end(broken("connect_failed", true)); return true;
    case Fault::kTlsFailure: mark(fault), end(broken("tls_failed", false)); return true;
    case Fault::kRateLimitedWithDelay:
    case Fault::kRateLimited: http_error(fault, 429); return true;
    case Fault::kServerError: http_error(fault, 500 + static_cast<int>(rng_.below(4))); return true;
    case Fault::kOverloaded: http_error(fault, 529); return true;
    default: return false;
  }
}

void ScriptWriter::cut(const std::string& chunk, size_t at) {
  body(chunk.substr(0, at));
  end(rng_.chance(50) ? broken("connection_reset", false) : Status());
}

// Signs of life without content, for longer than anybody waits.
void ScriptWriter::drip() {
  for (int i = 0; i < 8; ++i) {
    body(": still there\n\n", 1);
    script_.back().delay_ns = 1'500 * kMs;
  }
}

// Does to chunk `at` what the fault says. True when the answer ends with it.
bool ScriptWriter::spoil(const Chunks& chunks, size_t at, Fault fault) {
  const std::string& chunk = chunks[at];
  mark(fault);
  switch (fault) {
    case Fault::kStall: end({}, int64_t{3'600'000} * kMs); return true;
    case Fault::kSlowDrip: drip(); return false;
    case Fault::kCutInEvent: cut(chunk, chunk.size() / 2); return true;
    case Fault::kCutInCharacter: {
      const size_t lead = chunk.find('\xC3');
      cut(chunk, lead == std::string::npos ? chunk.size() / 3 : lead + 1);
      return true;
    }
    case Fault::kMalformedJson: body("data: {\"choices\":[{\"delta\":{\"content\":\"x}\n\n"); return false;
    case Fault::kErrorInside:
      body(
          "event: error\ndata: "
          "{\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"no\"}}\n\n");
      return false;
    case Fault::kDuplicateDelta: body(chunk); return false;
    case Fault::kWrongToolId:  // arguments for a call that never began
      body(dialect_.name() == "openai_chat"
               ? "data: {\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":7,\"function\":{"
                 "\"arguments\":\"{}\"}}]}}]}\n\n"
               : "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":7,\"delta\":{"
                 "\"type\":\"input_json_delta\",\"partial_json\":\"{}\"}}\n\n");
      return false;
    case Fault::kHugeLine: body(rng_.below(40) == 0 ? endless_line() : huge_line()); return false;
    default: return false;
  }
}

void ScriptWriter::write_stream(const Chunks& chunks, Fault fault) {
  head(200, {{"content-type", "text/event-stream"}});
  // Most faults in the middle; some before the first byte of content.
  const auto middle = static_cast<size_t>(rng_.below(static_cast<int64_t>(chunks.size())));
  const size_t at = rng_.chance(25) ? 0 : middle;
  for (size_t i = 0; i < chunks.size(); ++i) {
    if (i == at && fault != Fault::kCount && fault != Fault::kLateBytes && spoil(chunks, i, fault)) return;
    split_body(chunks[i]);
  }
  if (fault == Fault::kLateBytes) late_bytes();
  end({}, rng_.chance(10) ? 5'000 * kMs : rng_.below(2 * kMs));
}

// The answer is complete, the connection goes on talking.
void ScriptWriter::late_bytes() {
  for (int64_t i = 2 + rng_.below(4); i > 0; --i) {
    body("data: {\"choices\":[{\"delta\":{\"content\":\"too late\"}}]}\n\n",
         rng_.chance(70) ? 20 * kMs : 100 * kMs);
    script_.back().fault = Fault::kLateBytes;
  }
}

Script ScriptWriter::write(const wire::Response& answer, int percent) {
  script_.clear();
  Fault fault = Fault::kCount;
  if (rng_.chance(percent)) {
    constexpr auto kFirst = static_cast<int64_t>(std::size(kInsteadOfAnswer));
    constexpr auto kSecond = static_cast<int64_t>(std::size(kInAnswer));
    const int64_t which = rng_.below(kFirst + kSecond);
    fault = which < kFirst ? kInsteadOfAnswer[which] : kInAnswer[which - kFirst];
  }
  if (!write_failure(fault)) write_stream(chunks_of(answer), fault);
  return std::move(script_);
}

}  // namespace tau::sim

// Recorded exchanges, found by what was asked.
#include "provider/recordings.h"

#include <algorithm>
#include <map>
#include <mutex>

#include "crypto/crypto.h"
#include "os/os.h"
#include "provider/request_match.h"

namespace tau::provider {
namespace {

constexpr size_t kMostCompared = 1000;  // recordings that the nearest one is looked for among
constexpr size_t kMostDifferences = 1'000'000;
constexpr std::string_view kEventStream = "application/vnd.amazon.eventstream";

using Headers = std::vector<std::pair<std::string, std::string>>;

struct Interaction {
  const wire::Dialect* dialect = nullptr;
  size_t line = 0;
  std::string model;  // of those whose body does not say it
  std::string request;
  Recordings::Answer answer;
};

Status invalid(size_t line, std::string_view what) {
  return invalid_argument("invalid_recording", format("line {}: {}", line, what));
}

std::string percent_decoded(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    StatusOr<std::string> byte = Status(Code::kNotFound, "", "");
    if (text[i] == '%' && i + 2 < text.size()) byte = crypto::from_hex(text.substr(i + 1, 2));
    out += byte.ok() ? *byte : std::string(1, text[i]);
    if (byte.ok()) i += 2;
  }
  return out;
}

// Of a path that names it: /v1beta/models/NAME:generateContent, /model/NAME/converse.
std::string model_of_path(std::string_view path) {
  const bool colon = path.ends_with("enerateContent");
  const std::string_view mark = colon ? "/models/" : "/model/";
  const size_t at = path.find(mark);
  const size_t end = path.rfind(colon ? ':' : '/');
  if (at == path.npos || end == path.npos || end < at + mark.size()) return {};
  return percent_decoded(path.substr(at + mark.size(), end - at - mark.size()));
}

StatusOr<Headers> headers_of(const json::Value& value, size_t line) {
  Headers out;
  for (const json::Value& header : value.as_array()) {
    const auto& pair = header.as_array();
    if (pair.size() != 2 || !pair[0].is_string() || !pair[1].is_string())
      return invalid(line, "headers should be pairs of a name and a value");
    out.emplace_back(pair[0].as_string(), pair[1].as_string());
  }
  return out;
}

// A binary stream is kept as base 64.
Status decode_body(size_t line, Recordings::Answer& answer) {
  for (const auto& [name, value] : answer.headers) {
    if (name != "content-type" || !value.starts_with(kEventStream)) continue;
    auto bytes = crypto::base64_decode(answer.body);
    if (!bytes.ok()) return invalid(line, "the body of a binary stream should be base 64");
    answer.body = *std::move(bytes);
  }
  return ok_status();
}

StatusOr<Recordings::Answer> answer_of(const json::Value& response, size_t line) {
  if (!response["status"].is_integer() || !response["body"].is_string())
    return invalid(line, "a response needs a status and a body");
  Recordings::Answer answer;
  const int64_t status = response["status"].as_int();
  if (status != 0 && (status < 100 || status > 599))
    return invalid(line, format("there is no status {}", status));
  answer.status = static_cast<int>(status);
  TAU_ASSIGN_OR_RETURN(answer.headers, headers_of(response["headers"], line));
  answer.body = response["body"].as_string();
  answer.interrupted = response["interrupted"].as_string();
  if (answer.status == 0 && answer.interrupted.empty())
    return invalid(line, "a response without a status should say what interrupted it");
  answer.first_byte_ms = std::clamp<int64_t>(response["first_byte_ms"].as_int(), 0, 600'000);
  answer.total_ms = std::clamp<int64_t>(response["total_ms"].as_int(), answer.first_byte_ms, 600'000);
  TAU_RETURN_IF_ERROR(decode_body(line, answer));
  return answer;
}

StatusOr<json::Value> meaning_of(const wire::Dialect& dialect, std::string_view model, std::string_view body,
                                 bool any_model) {
  TAU_ASSIGN_OR_RETURN(wire::Request request, dialect.decode_request(body));
  if (request.model.empty()) request.model = model;
  if (any_model) request.model.clear();
  return request_meaning(request);
}

}  // namespace

const wire::Dialect* dialect_of_path(std::string_view path) {
  constexpr std::pair<std::string_view, std::string_view> kPlaces[] = {
      {"/chat/completions", "openai_chat"},
      {"/responses", "openai_responses"},
      {"/messages", "anthropic_messages"},
      {":generateContent", "gemini"},
      {":streamGenerateContent", "gemini"},
      {"/converse", "bedrock_converse"},
      {"/converse-stream", "bedrock_converse"},
      {"/api/chat", "ollama_chat"},
      {"/chat", "cohere_chat"}};
  for (const auto& [end, dialect] : kPlaces)
    if (path.ends_with(end)) return wire::find_dialect(dialect);
  return nullptr;
}

struct Recordings::State {
  std::vector<Interaction> all;
  // By dialect and digest, with and without the model: places in `all`, and how many of them were used.
  struct Equal {
    std::vector<size_t> places;
    size_t used = 0;
  };
  std::map<std::string, Equal, std::less<>> by_meaning;
  std::mutex mutex;  // of what was used

  static std::string key(const wire::Dialect& dialect, bool any_model, const json::Value& meaning) {
    return format("{}:{}:{}", dialect.name(), any_model ? "any" : "own", meaning_digest(meaning));
  }

  Status add(const json::Value& item, size_t line, const wire::Dialect* otherwise);
  Status add_line(std::string_view text, size_t line, const wire::Dialect* otherwise);
  Status nothing_equal(const wire::Dialect& dialect, const json::Value& asked, bool any_model) const;
};

Status Recordings::State::add(const json::Value& item, size_t line, const wire::Dialect* otherwise) {
  const json::Value& request = item["request"];
  if (!request.is_object() || !item["response"].is_object())
    return invalid(line, "an interaction needs a request and a response");
  if (!request["path"].is_string()) return invalid(line, "a request needs a path");
  const std::string_view path = request["path"].as_string();
  Interaction one;
  one.line = line;
  one.dialect = wire::find_dialect(item["dialect"].as_string());
  if (one.dialect == nullptr) one.dialect = dialect_of_path(path);
  if (one.dialect == nullptr) one.dialect = otherwise;
  one.request = request["body"].as_string();
  one.model = model_of_path(path);
  TAU_ASSIGN_OR_RETURN(one.answer, answer_of(item["response"], line));
  if (one.dialect == nullptr) return ok_status();
  std::string keys[2];
  for (const bool any_model : {false, true}) {
    const auto meaning = meaning_of(*one.dialect, one.model, one.request, any_model);
    if (!meaning.ok()) return ok_status();  // it asks for something else
    keys[any_model ? 1 : 0] = key(*one.dialect, any_model, *meaning);
  }
  for (const std::string& k : keys) by_meaning[k].places.push_back(all.size());
  all.push_back(std::move(one));
  return ok_status();
}

Status Recordings::State::add_line(std::string_view text, size_t line, const wire::Dialect* otherwise) {
  const auto value = json::parse(text);
  if (!value.ok()) return invalid(line, value.status().message());
  if (!(*value)["interactions"].is_array()) return invalid(line, "a recording needs its interactions");
  for (const json::Value& item : (*value)["interactions"].as_array())
    TAU_RETURN_IF_ERROR(add(item, line, otherwise));
  return ok_status();
}

Status Recordings::State::nothing_equal(const wire::Dialect& dialect, const json::Value& asked,
                                        bool any_model) const {
  size_t least = kMostDifferences;
  const Interaction* nearest = nullptr;
  std::optional<Difference> difference;
  size_t compared = 0;
  for (const Interaction& one : all) {
    if (one.dialect != &dialect || compared == kMostCompared) continue;
    ++compared;
    const auto recorded = meaning_of(dialect, one.model, one.request, any_model);
    if (!recorded.ok()) continue;
    const size_t count = count_differences(asked, *recorded, least);
    if (count >= least) continue;
    least = count;
    nearest = &one;
    difference = first_difference(asked, *recorded);
  }
  if (nearest == nullptr || !difference)
    return not_found("recording_not_found",
                     format("no request in the dialect {} is recorded", dialect.name()));
  return not_found(
      "recording_not_found",
      format("no recording answers this request; the nearest, of line {}, differs in {}: asked {}, "
             "recorded {}",
             nearest->line, difference->path, difference->asked, difference->recorded));
}

Recordings::Recordings(std::unique_ptr<State> state) : state_(std::move(state)) {}
Recordings::~Recordings() = default;

StatusOr<std::shared_ptr<Recordings>> Recordings::parse(std::string_view text, const wire::Dialect* dialect) {
  auto state = std::make_unique<State>();
  for (size_t line = 1; !text.empty(); ++line) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view one = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (one.find_first_not_of(" \t\r") == one.npos) continue;
    TAU_RETURN_IF_ERROR(state->add_line(one, line, dialect));
  }
  if (state->all.empty()) return invalid_argument("invalid_recording", "no answer of a model is recorded");
  return std::shared_ptr<Recordings>(new Recordings(std::move(state)));
}

StatusOr<std::shared_ptr<Recordings>> Recordings::load(const std::string& path,
                                                       const wire::Dialect* dialect) {
  TAU_ASSIGN_OR_RETURN(const std::string text, os::read_file(path, kMaxBytes));
  auto parsed = parse(text, dialect);
  return parsed.ok() ? std::move(parsed) : parsed.status().annotate(path);
}

size_t Recordings::size() const { return state_->all.size(); }

const wire::Dialect* Recordings::dialect() const {
  return state_->all.empty() ? nullptr : state_->all.front().dialect;
}

// A failure that came last comes again: a retry that was not recorded would hide it.
StatusOr<const Recordings::Answer*> Recordings::find(const wire::Dialect& dialect, std::string_view model,
                                                     std::string_view body, const ReplayOptions& options) {
  TAU_ASSIGN_OR_RETURN(const json::Value asked, meaning_of(dialect, model, body, options.any_model));
  const auto found = state_->by_meaning.find(State::key(dialect, options.any_model, asked));
  if (found == state_->by_meaning.end()) return state_->nothing_equal(dialect, asked, options.any_model);
  State::Equal& equal = found->second;
  const std::lock_guard lock(state_->mutex);
  if (equal.used == equal.places.size() && options.repeat) equal.used = 0;
  if (equal.used < equal.places.size()) return &state_->all[equal.places[equal.used++]].answer;
  const Interaction& last = state_->all[equal.places.back()];
  const bool failed =
      last.answer.status < 200 || last.answer.status > 299 || !last.answer.interrupted.empty();
  if (failed) return &last.answer;
  return not_found(
      "recording_used_up",
      format("what answers this request, of line {}, was used; replay.repeat uses it again", last.line));
}

}  // namespace tau::provider

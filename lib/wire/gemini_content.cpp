// Contents of Gemini requests, both ways: roles alternate, and the results of one turn stand in the order of
// its calls, because that is what they are told apart by.
#include <algorithm>

#include "wire/gemini.h"

namespace tau::wire::gemini {
namespace {

// Takes the place of a signature that another provider's call does not have.
constexpr std::string_view kNoSignature = "skip_thought_signature_validator";

bool is_result(const Part& part) { return part.as<ToolResult>() != nullptr; }

// The place of a result's call in the conversation.
size_t call_place(const std::vector<const ToolCall*>& calls, const Part& part) {
  const auto* result = part.as<ToolResult>();
  size_t place = 0;
  while (result != nullptr && place < calls.size() && calls[place]->id != result->call_id) ++place;
  return place;
}

std::vector<const ToolCall*> calls_of(const std::vector<Message>& messages) {
  std::vector<const ToolCall*> calls;
  for (const Message& message : messages)
    for (const Part& part : message.parts)
      if (const auto* call = part.as<ToolCall>()) calls.push_back(call);
  return calls;
}

class TurnWriter {
 public:
  TurnWriter(json::Writer& out, const Request& request, std::string_view model)
      : out_(out),
        request_(request),
        calls_(calls_of(request.messages)),
        checks_signatures_(model.find("gemini-3") != std::string_view::npos) {}

  void write(const Turn& turn) {
    const Message& first = *turn.front();
    std::vector<const Part*> parts = parts_of(turn, kRules);
    if (turn.size() > 1) order(parts);
    ObjectWriter content(out_, first.extras, kGeminiRequest);
    if (!content.form("role").empty())
      content.field("role", "function");
    else if (content.wants("role"))
      content.field("role", first.role == Role::kAssistant ? "model" : "user");
    if (!parts.empty() || content.wants("parts")) write_parts(content.key("parts"), parts);
    content.done();
  }

 private:
  void order(std::vector<const Part*>& parts) const {
    const auto end = std::find_if(parts.begin(), parts.end(), [](const Part* p) { return !is_result(*p); });
    std::stable_sort(parts.begin(), end, [this](const Part* a, const Part* b) {
      return call_place(calls_, *a) < call_place(calls_, *b);
    });
  }

  // Of the calls of one turn the first carries the signature.
  void write_parts(json::Writer& w, const std::vector<const Part*>& parts) const {
    std::vector<const Part*> media;
    bool first_call = checks_signatures_;
    w.begin_array();
    for (const Part* part : parts) {
      const bool is_call = part->as<ToolCall>() != nullptr;
      const bool foreign = !extras_origin(part->extras).starts_with(kGemini);
      if (is_result(*part) && foreign)
        write_result(w, *part, media);
      else
        write_part(w, *part, is_call && first_call && foreign ? kNoSignature : std::string_view());
      first_call = first_call && !is_call;
    }
    for (const Part* part : media) write_part(w, *part);
    w.end_array();
  }

  // A result of another dialect: it may not say its name, and media cannot stand in it.
  void write_result(json::Writer& w, const Part& part, std::vector<const Part*>& media) const {
    Part named{*part.as<ToolResult>(), {}};
    auto& result = *named.as<ToolResult>();
    if (result.name.empty()) result.name = called_tool(request_.messages, result.call_id);
    if (result.name.empty()) result.name = "unknown";
    write_part(w, named);
    for (const Part& inner : part.as<ToolResult>()->content)
      if (inner.as<Media>() != nullptr && can_write(inner)) media.push_back(&inner);
  }

  json::Writer& out_;
  const Request& request_;
  std::vector<const ToolCall*> calls_;
  bool checks_signatures_;
};

}  // namespace

void decode_content(const json::Value& content, Calls& calls, Request& request) {
  ObjectReader in(content);
  Message message;
  const std::string_view role = content["role"].as_string();
  in.expect("role");
  in.take("role");
  if (role == "function") in.form("role", "true");
  in.expect("parts");
  if (const json::Value* parts = in.take_array("parts"))
    for (const json::Value& part : parts->as_array())
      message.parts.push_back(decode_part(part, kGeminiRequest, calls));
  message.role = role_of_turn(role == "model" ? "assistant" : "user", message.parts);
  if (!request.messages.empty() && turn_role(request.messages.back()) == turn_role(message))
    in.form("separate", "true");
  in.form("whole", "true");
  message.labels = role_labels(message.role);
  label_results(message, request.messages);
  message.extras = in.finish(kGeminiRequest);
  request.messages.push_back(std::move(message));
}

void write_contents(json::Writer& out, const Request& request, std::string_view model) {
  out.begin_array();
  TurnWriter writer(out, request, model);
  for (const Turn& turn : turns_of(request.messages, kRules)) writer.write(turn);
  out.end_array();
}

}  // namespace tau::wire::gemini

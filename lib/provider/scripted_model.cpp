// A model that plays a script: for tests of host programs, demos and benchmarks. It streams like a real one.
#include <algorithm>

#include "provider/provider.h"

namespace tau::provider {
namespace {

// One piece of a turn, in the order in which it is streamed.
struct Piece {
  wire::StreamEvent::Kind kind = wire::StreamEvent::Kind::kText;
  std::string text;
};

struct Turn {
  std::vector<Piece> pieces;
  wire::Response response;
  int64_t delay_ms = 0;  // before every piece; 0 streams all at once
  bool hang = false;     // never ends
  std::string when;      // answers requests whose last message holds this; empty: when it is its turn
  ErrorInfo error{.code = Code::kOk, .reason = {}, .message = {}, .details_json = {}};  // kOk: none
};

Status unknown_key(const json::Value& object, std::initializer_list<std::string_view> known,
                   std::string_view where) {
  for (const auto& [key, value] : object.as_object()) {
    bool found = false;
    for (const std::string_view k : known) found = found || k == key;
    if (!found)
      return invalid_argument("unknown_key",
                              "script: " + std::string(where) + " has an unknown key \"" + key + "\"");
  }
  return ok_status();
}

Status parse_error(const json::Value& v, ErrorInfo& out) {
  TAU_RETURN_IF_ERROR(unknown_key(v, {"code", "reason", "message", "retryable"}, "error"));
  out.code = Code::kUnavailable;
  for (int32_t c = 1; c <= 16; ++c)
    if (code_name(static_cast<Code>(c)) == v["code"].as_string("unavailable"))
      out.code = static_cast<Code>(c);
  out.reason = v["reason"].as_string("scripted_error");
  out.message = v["message"].as_string("the script says so");
  out.retryable = v["retryable"].as_bool();
  return ok_status();
}

// "text": "…" or ["…", "…"]: one piece for each string.
void add_pieces(const json::Value& v, wire::StreamEvent::Kind kind, Turn& turn, std::string& whole) {
  const auto add = [&](std::string_view text) {
    turn.pieces.push_back({kind, std::string(text)});
    whole += text;
  };
  if (v.is_string()) add(v.as_string());
  for (const json::Value& item : v.as_array()) add(item.as_string());
}

Status add_tool_calls(const json::Value& calls, size_t turn_number, Turn& turn) {
  size_t n = 0;
  for (const json::Value& c : calls.as_array()) {
    TAU_RETURN_IF_ERROR(unknown_key(c, {"id", "name", "arguments"}, "a tool call"));
    wire::ToolCall call;
    call.name = c["name"].as_string();
    call.id = c["id"].as_string();
    if (call.id.empty()) call.id = format("script_{}_{}", turn_number, n);
    const json::Value& arguments = c["arguments"];
    call.arguments = arguments.is_string() ? std::string(arguments.as_string())
                     : arguments.is_null() ? "{}"
                                           : json::write(arguments);
    turn.response.message.parts.push_back({.body = std::move(call), .extras = {}});
    ++n;
  }
  return ok_status();
}

StatusOr<Turn> parse_turn(const json::Value& v, size_t number) {
  TAU_RETURN_IF_ERROR(unknown_key(
      v, {"text", "reasoning", "tool_calls", "usage", "error", "delay_ms", "hang", "finish", "when"},
      "a turn"));
  Turn turn;
  turn.delay_ms = v["delay_ms"].as_int();
  turn.hang = v["hang"].as_bool();
  turn.when = v["when"].as_string();
  turn.response.id = format("script_{}", number);
  turn.response.model = "scripted";
  turn.response.message.role = wire::Role::kAssistant;
  std::string text;
  std::string reasoning;
  add_pieces(v["reasoning"], wire::StreamEvent::Kind::kReasoning, turn, reasoning);
  add_pieces(v["text"], wire::StreamEvent::Kind::kText, turn, text);
  if (!reasoning.empty())
    turn.response.message.parts.push_back(
        {.body = wire::Reasoning{.text = reasoning, .opaque = {}}, .extras = {}});
  if (!text.empty()) turn.response.message.parts.push_back({.body = wire::Text{text}, .extras = {}});
  TAU_RETURN_IF_ERROR(add_tool_calls(v["tool_calls"], number, turn));
  turn.response.finish =
      v["tool_calls"].size() > 0 ? wire::FinishReason::kToolCalls : wire::FinishReason::kStop;
  if (v["finish"].as_string() == "length") turn.response.finish = wire::FinishReason::kLength;
  turn.response.usage.input = v["usage"]["input"].as_int();
  turn.response.usage.output = v["usage"]["output"].as_int();
  turn.response.usage.known = v.contains("usage");
  if (v.contains("error")) TAU_RETURN_IF_ERROR(parse_error(v["error"], turn.error));
  return turn;
}

// Which turn is next follows from the request alone, so that a resumed run plays on where it was.
size_t answers_in(const wire::Request& request) {
  size_t n = 0;
  for (const wire::Message& message : request.messages) n += message.role == wire::Role::kAssistant ? 1 : 0;
  return n;
}

}  // namespace

struct Script {
  std::vector<Turn> turns;
  std::vector<size_t> in_order;  // of turns: those that come one after the other
  bool loop = false;
  Route route;
};

namespace {

class ScriptedModel final : public Model {
 public:
  ScriptedModel(std::shared_ptr<const Script> script, net::Loop& loop)
      : script_(std::move(script)),
        turns_(script_->turns),
        loop_(loop),
        self_(std::make_shared<ScriptedModel*>(this)) {}
  ~ScriptedModel() override {
    *self_ = nullptr;
    for (const Playing& call : calls_) loop_.cancel_timer(call.timer);
  }

  CallId start(ModelCall call, CallSink& sink) override {
    const CallId id = ++last_id_;
    calls_.push_back({id, &sink, turn_for(*call.request), 0, 0});
    loop_.post([self = self_, id] {
      if (*self != nullptr) (*self)->play(id);
    });
    return id;
  }

  wire::Response cancel(CallId id) override {
    const Playing* found = find(id);
    wire::Response partial;
    if (found == nullptr) return partial;
    const Playing call = *found;
    forget(id);
    if (call.turn >= turns_.size()) return partial;
    loop_.cancel_timer(call.timer);
    std::string text;
    for (size_t i = 0; i < call.piece; ++i)
      if (turns_[call.turn].pieces[i].kind == wire::StreamEvent::Kind::kText)
        text += turns_[call.turn].pieces[i].text;
    partial.message.role = wire::Role::kAssistant;
    if (!text.empty()) partial.message.parts.push_back({.body = wire::Text{text}, .extras = {}});
    return partial;
  }

  const Route& route() const override { return script_->route; }

 private:
  struct Playing {
    CallId id;
    CallSink* sink;
    size_t turn;
    size_t piece;
    net::TimerId timer;
  };

  // The number of turns when there is none.
  size_t turn_for(const wire::Request& request) const {
    const std::vector<size_t>& order = script_->in_order;
    if (order.size() < turns_.size() && !request.messages.empty()) {
      const std::string last = request.messages.back().text();
      for (size_t i = 0; i < turns_.size(); ++i)
        if (!turns_[i].when.empty() && last.find(turns_[i].when) != last.npos) return i;
    }
    const size_t answers = answers_in(request);
    const size_t at = script_->loop && !order.empty() ? answers % order.size() : answers;
    return at < order.size() ? order[at] : turns_.size();
  }
  Playing* find(CallId id) {
    const auto it = std::ranges::find(calls_, id, &Playing::id);
    return it == calls_.end() ? nullptr : &*it;
  }
  void forget(CallId id) {
    std::erase_if(calls_, [id](const Playing& call) { return call.id == id; });
  }

  // Sinks may cancel from inside a callback: the call is looked up again after each.
  void play(CallId id) {
    Playing* call = find(id);
    if (call == nullptr) return;
    if (call->turn >= turns_.size()) {
      CallSink* sink = call->sink;
      forget(id);
      return sink->on_failure({Code::kOutOfRange, "script_ended", "the script has no further turn"}, {});
    }
    const Turn& turn = turns_[call->turn];
    if (call->piece == 0) call->sink->on_attempt(1, ok_status());
    while ((call = find(id)) != nullptr && call->piece < turn.pieces.size()) {
      const Piece& piece = turn.pieces[call->piece++];
      call->sink->on_event({.kind = piece.kind, .text = piece.text});
      if (turn.delay_ms > 0) return wait(id, turn.delay_ms);
    }
    if (call == nullptr || turn.hang) return;
    CallSink* sink = call->sink;
    forget(id);
    if (turn.error.code == Code::kOk) return sink->on_response(turn.response);
    wire::Response partial = turn.response;
    sink->on_failure(Status(turn.error), std::move(partial));
  }

  void wait(CallId id, int64_t delay_ms) {
    Playing* call = find(id);
    if (call == nullptr) return;
    call->timer = loop_.set_timer(loop_.now_ns() + delay_ms * kNanosPerMilli, [this, id] { play(id); });
  }

  const std::shared_ptr<const Script> script_;
  const std::vector<Turn>& turns_;  // of the script
  net::Loop& loop_;
  std::shared_ptr<ScriptedModel*> self_;
  std::vector<Playing> calls_;  // one, as a rule
  CallId last_id_ = 0;
};

}  // namespace

StatusOr<std::shared_ptr<const Script>> parse_script(std::string_view script_json) {
  if (script_json.empty()) return invalid_argument("invalid_script", "the scripted model needs a script");
  TAU_ASSIGN_OR_RETURN(const json::Value v, json::parse(script_json));
  TAU_RETURN_IF_ERROR(unknown_key(v, {"turns", "loop"}, "the script"));
  if (!v["turns"].is_array())
    return invalid_argument("invalid_script", "script: \"turns\" should be an array");
  auto script = std::make_shared<Script>();
  script->loop = v["loop"].as_bool();
  script->route.provider = script->route.model = "scripted";
  for (const json::Value& turn : v["turns"].as_array()) {
    TAU_ASSIGN_OR_RETURN(Turn parsed, parse_turn(turn, script->turns.size() + 1));
    if (parsed.when.empty()) script->in_order.push_back(script->turns.size());
    script->turns.push_back(std::move(parsed));
  }
  return std::shared_ptr<const Script>(std::move(script));
}

std::unique_ptr<Model> make_scripted_model(std::shared_ptr<const Script> script, net::Loop& loop) {
  return std::make_unique<ScriptedModel>(std::move(script), loop);
}

}  // namespace tau::provider

#include "runtime/redaction.h"

#include <algorithm>
#include <variant>

namespace tau::runtime {
namespace {

constexpr size_t kMinFoundBytes = 6;      // an e-mail address, an IP address; secrets are longer
constexpr size_t kTailBytes = 64 * 1024;  // longer than a registered secret is in any form but the rarest

bool is_text(std::string_view mime) {
  return mime.starts_with("text/") || mime == "application/json" || mime.ends_with("+json") ||
         mime.ends_with("xml");
}

}  // namespace

// Nothing that is taken out, that is.
bool Redaction::finds_nothing(std::string_view text, Author author) const {
  if (text.size() < kMinFoundBytes) return true;
  const safety::Screen& what = screen(author);
  if (what.secrets == nullptr && what.rules == nullptr) return true;
  const std::vector<safety::Finding> found = safety::scan(what, text);
  return std::ranges::all_of(found, &safety::Finding::signal);
}

void Redaction::clean(std::string& text, Author author, std::vector<safety::Finding>* found) const {
  if (text.size() < kMinFoundBytes) return;
  if (auto rest = safety::redacted(screen(author), text, found)) text = *std::move(rest);
}

void Redaction::clean(SharedString& text, Author author) const {
  if (text.size() < kMinFoundBytes) return;
  if (const auto rest = safety::redacted(screen(author), text.view())) text = *rest;
}

void Redaction::clean_next(std::string& text, std::string& before, Author author) const {
  if (what_->secrets.secrets != nullptr) {
    before += text;
    if (before.size() > kTailBytes) before.erase(0, before.size() - kTailBytes);
    if (safety::holds_secret(*what_->secrets.secrets, before)) {
      text = before = "[redacted:" + std::string(safety::kSecretRule) + "]";
      return;
    }
  }
  clean(text, author);
}

// Text by text, so that no quote or bracket is taken out; what then still holds a secret is given up as a
// whole.
void Redaction::clean_json(std::string& text, Author author) const {
  if (finds_nothing(text, author)) return;
  auto value = json::parse(text, json::Halves::kKeep);
  if (value.ok()) {
    clean(*value, author);
    text = json::write(*value);
    if (what_->secrets.secrets == nullptr || !safety::holds_secret(*what_->secrets.secrets, text)) return;
  }
  text = json::write(json::Value(safety::redact(screen(author), text)));
  if (what_->secrets.secrets != nullptr && safety::holds_secret(*what_->secrets.secrets, text))
    text = R"("[redacted]")";
}

void Redaction::clean(json::Value& value, Author author) const {
  if (value.is_string()) return clean(value.mutable_string(), author);
  if (value.is_array()) {
    for (json::Value& element : value.mutable_array()) clean(element, author);
  } else if (value.is_object()) {
    for (json::Value::Member& member : value.mutable_object()) clean(member, author);
  }
}

// A credential may be known by the name that it stands under.
void Redaction::clean(json::Value::Member& member, Author author) const {
  auto& [name, value] = member;
  clean(name, author);
  clean(value, author);
  if (!value.is_string()) return;
  const std::string both = json::write(json::Value(json::Value::Object{member}));
  if (!finds_nothing(both, author)) value = "[redacted]";
}

void Redaction::clean(wire::Extras& extras, Author author) const {
  if (extras.empty()) return;
  bool found = false;
  for (const auto& [key, text] : extras)
    found = found || !finds_nothing(key, author) || !finds_nothing(text, author);
  if (!found) return;
  wire::Extras kept;
  for (const auto& [key, text] : extras) {
    if (!finds_nothing(key, author)) continue;
    std::string copy(text);
    clean_json(copy, author);
    kept.add(key, copy);
  }
  extras = std::move(kept);
}

void Redaction::clean_media(wire::Media& media, Author author) const {
  for (std::string* text : {&media.mime, &media.url, &media.id, &media.name}) clean(*text, author);
  if (is_text(media.mime)) return clean(media.data, author);
  const auto& secrets = what_->secrets.secrets;
  if (secrets != nullptr && safety::holds_secret(*secrets, media.data)) media.data.clear();
}

// What a provider signed goes back as it came, or not at all.
void Redaction::clean_reasoning(wire::Reasoning& reasoning) const {
  if (finds_nothing(reasoning.text, Author::kForeign) && finds_nothing(reasoning.opaque, Author::kForeign))
    return;
  clean(reasoning.text, Author::kForeign);
  reasoning.opaque.clear();
  reasoning.form = wire::Reasoning::Form::kPlain;
}

void Redaction::clean(wire::Part& part, Author author) const {
  clean(part.extras, author);
  if (auto* text = part.as<wire::Text>()) {
    clean(text->text, author);
  } else if (auto* media = part.as<wire::Media>()) {
    clean_media(*media, author);
  } else if (auto* call = part.as<wire::ToolCall>()) {
    clean(call->id, author);
    clean(call->name, author);
    clean_json(call->arguments, author);
  } else if (auto* result = part.as<wire::ToolResult>()) {
    clean(result->call_id, author);
    clean(result->name, author);
    for (wire::Part& inner : result->content) clean(inner, author);
  } else if (auto* reasoning = part.as<wire::Reasoning>()) {
    clean_reasoning(*reasoning);
  } else if (auto* opaque = part.as<wire::Opaque>()) {
    clean(opaque->type, author);
    clean_json(opaque->json, author);
  }
}

void Redaction::clean(wire::Message& message, Author author) const {
  for (wire::Part& part : message.parts) clean(part, author);
  clean(message.extras, author);
}

void Redaction::clean(wire::Response& response) const {
  for (std::string* text : {&response.id, &response.model, &response.finish_text})
    clean(*text, Author::kForeign);
  clean(response.message, Author::kForeign);
  clean(response.usage.extras, Author::kForeign);
  clean(response.extras, Author::kForeign);
}

void Redaction::clean(ErrorInfo& error) const {
  clean(error.reason, Author::kForeign);
  clean(error.message, Author::kForeign);
  clean_json(error.details_json, Author::kForeign);
}

void Redaction::clean(agent::InputBody& body) const {
  struct Visitor {
    const Redaction& of;
    void operator()(agent::Start& in) const { of.clean(in.message, Author::kHost); }
    void operator()(agent::Recalled& in) const {
      of.clean(in.message, Author::kHost);  // the rules have seen it, before it was remembered
      of.clean_json(in.report, Author::kHost);
    }
    void operator()(agent::PromptReady&) const {}  // counts and digests
    void operator()(agent::ModelDone&) const {}    // see clean(Response)
    void operator()(agent::ModelFailed& in) const { of.clean(in.error); }
    void operator()(agent::ModelCut&) const {}
    void operator()(agent::Verdict& in) const {
      of.clean(in.call_id, Author::kForeign);
      of.clean(in.message, Author::kForeign);
      of.clean(in.scope, Author::kForeign);
    }
    void operator()(agent::ToolDone& in) const {
      of.clean(in.message, Author::kHost);  // the rules have seen it, before it was cut to size
      of.clean(in.reason, Author::kForeign);
      of.clean_json(in.details, Author::kForeign);
      if (in.held != nullptr) of.clean(in.held->message, Author::kHost);
    }
    void operator()(agent::HostOp& in) const {
      of.clean(in.op_id, Author::kHost);
      of.clean(in.message, Author::kHost);
      of.clean(in.call_id, Author::kHost);
      of.clean(in.reason, Author::kHost);
    }
    void operator()(agent::Timer&) const {}
    void operator()(agent::Cancel& in) const { of.clean(in.why); }
    void operator()(agent::Resumed&) const {}
    void operator()(agent::Continued&) const {}  // made of the journal
  };
  std::visit(Visitor{*this}, body);
}

void DeltaCleaner::begin(const Redaction& redaction) {
  if (waiting_ || !redaction.is_same_as(redaction_)) redactor_.reset();
  redaction_ = redaction;
  waiting_ = false;
  if (redaction_ && !redactor_) redactor_.emplace(redaction_.screen(Author::kForeign));
}

}  // namespace tau::runtime

#include "tau/safety.h"

#include "handles.h"
#include "safety/safety.h"

using namespace tau::capi;
using tau::Status;
namespace safety = tau::safety;

struct tau_scanner : Handle<safety::Screening> {};

struct tau_redactor {
  safety::Redactor redactor;
  Sequence sequence = {};
};

namespace {

tau::StatusOr<std::string_view> bytes(tau_str s, std::string_view name) {
  if (s.data == nullptr && s.len != 0 && s.len != TAU_STRLEN)
    return tau::invalid_argument("null_argument", std::string(name) + " has a length but no data");
  return raw_view(s);
}

}  // namespace

void tau_scanner_options_init(tau_scanner_options* options, uint32_t struct_size) {
  const tau_scanner_options defaults = TAU_SCANNER_OPTIONS_INIT;
  init_options(options, struct_size, defaults);
}

tau_status tau_scanner_new(const tau_scanner_options* options, tau_scanner** out, tau_error** err) {
  if (out != nullptr) *out = nullptr;
  return guard(err, [&]() -> Status {
    if (out == nullptr) return null_argument("out");
    tau_scanner_options o = TAU_SCANNER_OPTIONS_INIT;
    TAU_RETURN_IF_ERROR(read_options(options, &o, "options"));
    if ((o.flags & ~(TAU_SCANNER_EXACT | TAU_SCANNER_PERSONAL_SIGNALS)) != 0)
      return Status(tau::Code::kUnimplemented, "unknown_flag", "unknown flag in options.flags");
    TAU_ASSIGN_OR_RETURN(const std::string_view rules, text(o.rules, "options.rules"));
    TAU_ASSIGN_OR_RETURN(const std::string_view pii, text(o.pii, "options.pii"));
    safety::RuleChoice choice;
    choice.credentials = (o.flags & TAU_SCANNER_EXACT) == 0;
    choice.personal_signals = (o.flags & TAU_SCANNER_PERSONAL_SIGNALS) != 0;
    TAU_ASSIGN_OR_RETURN(choice.personal, safety::parse_personal_classes(pii));
    auto screening = std::make_shared<safety::Screening>(std::move(choice));
    if (!rules.empty()) TAU_RETURN_IF_ERROR(screening->replace_rules(rules));
    return hand_out(tau::StatusOr<std::shared_ptr<safety::Screening>>(std::move(screening)), out);
  });
}

tau_status tau_runtime_scanner(tau_runtime* runtime, tau_scanner** out, tau_error** err) {
  if (out != nullptr) *out = nullptr;
  return guard(err, [&]() -> Status {
    if (runtime == nullptr) return null_argument("runtime");
    if (out == nullptr) return null_argument("out");
    TAU_RETURN_IF_ERROR(runtime->object->check());
    return hand_out(tau::StatusOr<std::shared_ptr<safety::Screening>>(runtime->object->screening()), out);
  });
}

tau_scanner* tau_scanner_ref(tau_scanner* scanner) { return ref(scanner); }
void tau_scanner_unref(tau_scanner* scanner) { unref(scanner); }

tau_status tau_scanner_add_secret(tau_scanner* scanner, tau_str id, tau_str secret, tau_error** err) {
  return guard(err, [&]() -> Status {
    if (scanner == nullptr) return null_argument("scanner");
    TAU_ASSIGN_OR_RETURN(const std::string_view name, text(id, "id"));
    TAU_ASSIGN_OR_RETURN(const std::string_view value, bytes(secret, "secret"));
    if (name.empty()) return tau::invalid_argument("empty_id", "id must say what findings call the secret");
    if (value.size() > safety::kMaxSecretBytes)
      return tau::invalid_argument("secret_too_long", "a secret of more than 16 KiB cannot be searched for");
    return scanner->object->add_secret(name, tau::Secret(value));
  });
}

tau_status tau_scanner_remove_secret(tau_scanner* scanner, tau_str id, tau_error** err) {
  return guard(err, [&]() -> Status {
    if (scanner == nullptr) return null_argument("scanner");
    TAU_ASSIGN_OR_RETURN(const std::string_view name, text(id, "id"));
    if (scanner->object->remove_secret(name) > 0) return tau::ok_status();
    return tau::not_found("secret_not_found",
                          tau::format("no secret is registered as \"{}\"", std::string(name)));
  });
}

tau_status tau_scanner_replace_rules(tau_scanner* scanner, tau_str bundle, tau_error** err) {
  return guard(err, [&]() -> Status {
    if (scanner == nullptr) return null_argument("scanner");
    TAU_ASSIGN_OR_RETURN(const std::string_view rules, text(bundle, "bundle"));
    return scanner->object->replace_rules(rules);
  });
}

tau_status tau_scanner_describe(tau_scanner* scanner, tau_buf* out, tau_error** err) {
  return give_json(scanner, "scanner", out, err,
                   [&]() -> tau::StatusOr<std::string> { return scanner->object->describe(); });
}

tau_status tau_scanner_scan(tau_scanner* scanner, tau_str given, tau_buf* out, tau_error** err) {
  return give_json(scanner, "scanner", out, err, [&]() -> tau::StatusOr<std::string> {
    TAU_ASSIGN_OR_RETURN(const std::string_view whole, bytes(given, "text"));
    return safety::findings_json(safety::scan(scanner->object->current()->all, whole));
  });
}

tau_status tau_scanner_redact(tau_scanner* scanner, tau_str given, tau_buf* out, tau_error** err) {
  return give_json(scanner, "scanner", out, err, [&]() -> tau::StatusOr<std::string> {
    TAU_ASSIGN_OR_RETURN(const std::string_view whole, bytes(given, "text"));
    return safety::redact(scanner->object->current()->all, whole);
  });
}

tau_status tau_url_check(tau_str url, tau_str rules, tau_buf* out, tau_error** err) {
  return give_text(out, err, [&]() -> tau::StatusOr<std::string> {
    TAU_ASSIGN_OR_RETURN(const std::string_view place, bytes(url, "url"));
    TAU_ASSIGN_OR_RETURN(const std::string_view json, text(rules, "rules"));
    return tau::runtime::check_url(place, json);
  });
}

tau_status tau_injection_signals(tau_str given, tau_text_channel channel, tau_buf* out, tau_error** err) {
  return give_text(out, err, [&]() -> tau::StatusOr<std::string> {
    TAU_ASSIGN_OR_RETURN(const std::string_view whole, bytes(given, "text"));
    if (channel > TAU_TEXT_OF_USER)
      return tau::invalid_argument("unknown_channel", tau::format("no text has the channel {}", channel));
    return safety::injection_signals_json(
        whole, channel == TAU_TEXT_OF_USER ? safety::TextChannel::kUser : safety::TextChannel::kTool);
  });
}

tau_status tau_redactor_new(tau_scanner* scanner, tau_redactor** out, tau_error** err) {
  if (out != nullptr) *out = nullptr;
  return guard(err, [&]() -> Status {
    if (scanner == nullptr) return null_argument("scanner");
    if (out == nullptr) return null_argument("out");
    *out = new tau_redactor{.redactor = safety::Redactor(scanner->object->current()->all)};
    return tau::ok_status();
  });
}

tau_status tau_redactor_feed(tau_redactor* redactor, tau_str piece, tau_buf* out, tau_error** err) {
  if (out != nullptr) *out = {nullptr, 0, nullptr};
  return guard(err, [&]() -> tau_status {
    const auto given = bytes(piece, "piece");
    if (!given.ok()) return fail(given.status(), err);
    return work(redactor, "redactor", out, err, [&](std::string& text) {
      redactor->redactor.feed(*given, text);
      return tau::ok_status();
    });
  });
}

tau_status tau_redactor_flush(tau_redactor* redactor, tau_buf* out, tau_error** err) {
  return work(redactor, "redactor", out, err, [&](std::string& text) {
    redactor->redactor.flush(text);
    return tau::ok_status();
  });
}

tau_status tau_redactor_finish(tau_redactor* redactor, tau_buf* out, tau_error** err) {
  return work(redactor, "redactor", out, err, [&](std::string& text) {
    redactor->redactor.finish(text);
    return tau::ok_status();
  });
}

void tau_redactor_free(tau_redactor* redactor) { delete redactor; }

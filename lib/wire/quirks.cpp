// The habits of a provider, read and written.
#include "wire/quirks.h"

#include <array>
#include <optional>

#include "base/format.h"

namespace tau::wire {
namespace {

constexpr std::array<std::string_view, 4> kForms = {"any", "alnum9", "word40", "word64"};
constexpr int64_t kMost = int64_t{1} << 53;

std::optional<CallIds> call_ids_of(std::string_view name) {
  for (size_t i = 0; i < kForms.size(); ++i)
    if (kForms[i] == name) return static_cast<CallIds>(i);
  return std::nullopt;
}

// Each says whether the value is one of the member's type.
bool set(const json::Value& value, bool& out) {
  if (value.is_bool()) out = value.as_bool();
  return value.is_bool();
}
bool set(const json::Value& value, int64_t& out) {
  const bool good = value.kind() == json::Value::Kind::kInt && value.as_int() >= 0 && value.as_int() <= kMost;
  if (good) out = value.as_int();
  return good;
}
bool set(const json::Value& value, CallIds& out) {
  const auto form = value.is_string() ? call_ids_of(value.as_string()) : std::nullopt;
  if (form) out = *form;
  return form.has_value();
}

std::string_view wanted(const bool&) { return "true or false"; }
std::string_view wanted(const int64_t&) { return "an integer from 0 to 2^53"; }
std::string_view wanted(const CallIds&) { return "one of any, alnum9, word40, word64"; }

void write(json::Writer& out, std::string_view name, bool value) { out.field(name, value); }
void write(json::Writer& out, std::string_view name, int64_t value) { out.field(name, value); }
void write(json::Writer& out, std::string_view name, CallIds value) { out.field(name, call_ids_name(value)); }

}  // namespace

std::string_view call_ids_name(CallIds form) { return kForms[static_cast<size_t>(form)]; }

Status set_quirks(const json::Value& values, Quirks& quirks) {
  if (!values.is_object()) return invalid_argument("invalid_quirks", "quirks are a JSON object");
  for (const auto& [key, value] : values.as_object()) {
    bool known = false;
    Status status;
    for_each_quirk(quirks, [&](std::string_view name, auto& member) {
      if (name != key) return;
      known = true;
      if (!set(value, member))
        status =
            invalid_argument("invalid_quirks", format("the quirk \"{}\" takes {}", name, wanted(member)));
    });
    if (!known)
      status = invalid_argument("invalid_quirks", format("the quirk \"{}\" is not known", repair_utf8(key)));
    TAU_RETURN_IF_ERROR(status);
  }
  return ok_status();
}

void write_quirks(json::Writer& out, const Quirks& quirks) {
  out.begin_object();
  for_each_quirk(quirks, [&](std::string_view name, const auto& member) { write(out, name, member); });
  out.end_object();
}

}  // namespace tau::wire

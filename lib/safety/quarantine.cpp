#include "safety/quarantine.h"

#include <algorithm>
#include <charconv>

#include "safety/chars.h"

namespace tau::safety {

bool is_handle(std::string_view text) {
  constexpr size_t kMostDigits = 9;
  if (!text.starts_with(Quarantine::kPrefix)) return false;
  text.remove_prefix(Quarantine::kPrefix.size());
  return !text.empty() && text.size() <= kMostDigits && text[0] != '0' &&
         std::all_of(text.begin(), text.end(), is_digit);
}

Status Quarantine::check_room(size_t bytes) const {
  if (texts_.size() < kMaxTexts && bytes <= kMaxBytes - bytes_) return ok_status();
  return resource_exhausted("quarantine_full", "too much text is held back in this session");
}

Status Quarantine::hold(std::string_view handle, std::string text, Labels labels) {
  if (!is_handle(handle)) return invalid_argument("invalid_handle", "a handle reads $result_1");
  release(handle);
  TAU_RETURN_IF_ERROR(check_room(text.size()));
  uint64_t number = 0;
  const std::string_view digits = handle.substr(kPrefix.size());
  std::from_chars(digits.data(), digits.data() + digits.size(), number);
  const size_t size = text.size();
  texts_.emplace(std::string(handle), Held{std::move(text), std::move(labels)});
  bytes_ += size;
  last_ = std::max(last_, number);
  return ok_status();
}

StatusOr<std::string> Quarantine::hold(std::string text, Labels labels) {
  std::string handle = next_handle();
  TAU_RETURN_IF_ERROR(hold(handle, std::move(text), std::move(labels)));
  return handle;
}

StatusOr<const Quarantine::Held*> Quarantine::find(std::string_view handle) const {
  const auto at = texts_.find(handle);
  if (at == texts_.end())
    return not_found("unknown_handle", format("no text is held as {}", truncate_utf8(handle, 32)));
  return &at->second;
}

StatusOr<Extract> Quarantine::extract(std::string_view handle, const ExtractForm& form) const {
  TAU_ASSIGN_OR_RETURN(const Held* const held, find(handle));
  TAU_ASSIGN_OR_RETURN(std::string value, extract_from(held->text, form));
  return Extract{std::move(value), held->labels};
}

void Quarantine::release(std::string_view handle) {
  const auto at = texts_.find(handle);
  if (at == texts_.end()) return;
  bytes_ -= at->second.text.size();
  texts_.erase(at);
}

struct Quarantine::Put {
  Labels& labels;
  size_t left = kMaxPutBytes;
  bool any = false;
};

Status Quarantine::put(json::Value& value, Put& into) const {
  if (value.is_array()) {
    for (json::Value& element : value.mutable_array()) TAU_RETURN_IF_ERROR(put(element, into));
  } else if (value.is_object()) {
    for (auto& [name, member] : value.mutable_object()) TAU_RETURN_IF_ERROR(put(member, into));
  } else if (value.is_string() && is_handle(value.as_string())) {
    TAU_ASSIGN_OR_RETURN(const Held* const held, find(value.as_string()));
    if (held->text.size() > into.left)
      return resource_exhausted("arguments_too_long",
                                "the held texts that the arguments name are too long together");
    into.left -= held->text.size();
    into.any = true;
    into.labels.join(held->labels);
    value = held->text;
  }
  return ok_status();
}

StatusOr<bool> Quarantine::put_texts(json::Value& arguments, Labels& labels) const {
  Put into{.labels = labels};
  TAU_RETURN_IF_ERROR(put(arguments, into));
  return into.any;
}

}  // namespace tau::safety

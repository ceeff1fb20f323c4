// The list of header_list.h.
#include "net/header_list.h"

#include <algorithm>
#include <cstring>

namespace tau::net {
namespace {

Status check_value(std::string_view name, std::string_view value) {
  const auto breaks_line = [](char c) { return c == '\r' || c == '\n' || c == '\0'; };
  if (std::none_of(value.begin(), value.end(), breaks_line)) return ok_status();
  return invalid_argument("invalid_request", format("the value of header {} holds CR, LF or NUL", name));
}

}  // namespace

bool is_token(std::string_view text) {
  const auto allowed = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
           (c != '\0' && std::strchr("!#$%&'*+-.^_`|~", c) != nullptr);
  };
  return !text.empty() && std::all_of(text.begin(), text.end(), allowed);
}

HeaderList::~HeaderList() {
  for (curl_slist* node = list_; node != nullptr; node = node->next)
    secure_wipe(node->data, std::strlen(node->data));
  if (list_ != nullptr) api_.slist_free_all(list_);
}

void HeaderList::append(const char* line) {
  curl_slist* longer = api_.slist_append(list_, line);
  failed_ = failed_ || longer == nullptr;
  if (longer != nullptr) list_ = longer;
}

Status HeaderList::add(std::string_view name, std::string_view value) {
  if (!is_token(name)) return invalid_argument("invalid_request", format("bad header name \"{}\"", name));
  TAU_RETURN_IF_ERROR(check_value(name, value));
  // libcurl's form of an empty value is "Name;".
  append(value.empty() ? format("{};", name).c_str() : format("{}: {}", name, value).c_str());
  return failed_ ? Status::out_of_memory() : ok_status();
}

Status HeaderList::add_secret(std::string_view name, std::string_view prefix, const Secret& secret) {
  return secret.reveal([&](std::string_view bytes) -> Status {
    if (!is_token(name)) return invalid_argument("invalid_request", format("bad header name \"{}\"", name));
    TAU_RETURN_IF_ERROR(check_value(name, prefix));
    TAU_RETURN_IF_ERROR(check_value(name, bytes));
    std::string line;
    line.reserve(name.size() + prefix.size() + bytes.size() + 2);  // no reallocation leaves a copy behind
    line.append(name).append(": ").append(prefix).append(bytes);
    append(line.c_str());
    secure_wipe(line.data(), line.size());
    return failed_ ? Status::out_of_memory() : ok_status();
  });
}

}  // namespace tau::net

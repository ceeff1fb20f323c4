// The list of header_list.h.
#include "net/header_list.h"

#include <cstring>

#include "net/request_rules.h"

namespace tau::net {

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
  TAU_RETURN_IF_ERROR(check_header(name, value));
  // libcurl's form of an empty value is "Name;".
  append(value.empty() ? format("{};", name).c_str() : format("{}: {}", name, value).c_str());
  return failed_ ? Status::out_of_memory() : ok_status();
}

Status HeaderList::add_secret(std::string_view name, std::string_view prefix, const Secret& secret) {
  return secret.reveal([&](std::string_view bytes) -> Status {
    TAU_RETURN_IF_ERROR(check_header(name, prefix));
    TAU_RETURN_IF_ERROR(check_header(name, bytes));
    std::string line;
    line.reserve(name.size() + prefix.size() + bytes.size() + 2);  // no reallocation leaves a copy behind
    line.append(name).append(": ").append(prefix).append(bytes);
    append(line.c_str());
    secure_wipe(line.data(), line.size());
    return failed_ ? Status::out_of_memory() : ok_status();
  });
}

}  // namespace tau::net

// HeaderList: request headers in the form libcurl wants, wiped when they die because one may be a secret.
// Private to net.
#pragma once

#include "net/curl_api.h"

namespace tau::net {

class HeaderList {
 public:
  explicit HeaderList(const CurlApi& api) : api_(api) {}
  ~HeaderList();
  HeaderList(const HeaderList&) = delete;
  HeaderList& operator=(const HeaderList&) = delete;

  // INVALID_ARGUMENT "invalid_request" for names that are not tokens and values with CR, LF or NUL.
  Status add(std::string_view name, std::string_view value);
  // The value is `prefix` and the secret.
  Status add_secret(std::string_view name, std::string_view prefix, const Secret& secret);
  // Tells libcurl not to send a header that it would add by itself.
  void suppress(const char* name_and_colon) { append(name_and_colon); }

  // A line of another list that libcurl takes in this form.
  void add_line(const std::string& line) { append(line.c_str()); }

  curl_slist* get() const { return list_; }

 private:
  void append(const char* line);
  const CurlApi& api_;
  curl_slist* list_ = nullptr;
  bool failed_ = false;
};

}  // namespace tau::net

// The head of a request as the client without TLS sends it. Private to net.
#pragma once

#include "net/net.h"

namespace tau::net {

// Wiped when it dies: one of its lines may be a secret.
class RequestHead {
 public:
  RequestHead() = default;
  ~RequestHead() { wipe(); }
  RequestHead(const RequestHead&) = delete;
  RequestHead& operator=(const RequestHead&) = delete;

  // Request line, headers, the credential's and the blank line. INVALID_ARGUMENT "invalid_request", or what
  // the credential source says.
  Status build(const HttpRequest& request, const Url& url, CredentialSource& credentials,
               std::string_view user_agent);
  std::string_view text() const { return text_; }
  void wipe() {
    secure_wipe(text_.data(), text_.size());
    text_.clear();
  }

 private:
  Status add(std::string_view name, std::string_view value);
  Status add_credential(const HttpRequest& request, const Url& url, CredentialSource& credentials);
  Status add_secret(std::string_view name, std::string_view prefix, const Secret& secret);
  void make_room(size_t bytes);
  std::string text_;
};

}  // namespace tau::net

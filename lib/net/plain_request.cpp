// The lines of plain_request.h.
#include "net/plain_request.h"

#include "net/request_rules.h"

namespace tau::net {
namespace {

constexpr size_t kTypicalHeadBytes = 512;
constexpr size_t kEndBytes = 64;  // content-length and the blank line

std::string host_of(const Url& url) {
  const std::string host = url.host.find(':') == url.host.npos ? url.host : format("[{}]", url.host);
  return url.port == 80 ? host : format("{}:{}", host, url.port);
}

}  // namespace

// The bytes that are there move to new ones when more room is needed: the old ones are wiped.
void RequestHead::make_room(size_t bytes) {
  if (text_.capacity() - text_.size() >= bytes) return;
  std::string larger;
  larger.reserve((text_.size() + bytes) * 2);
  larger.append(text_);
  secure_wipe(text_.data(), text_.size());
  text_.swap(larger);
}

Status RequestHead::add(std::string_view name, std::string_view value) {
  TAU_RETURN_IF_ERROR(check_header(name, value));
  make_room(name.size() + value.size() + 4);
  text_.append(name).append(value.empty() ? ":" : ": ").append(value).append("\r\n");
  return ok_status();
}

Status RequestHead::add_secret(std::string_view name, std::string_view prefix, const Secret& secret) {
  return secret.reveal([&](std::string_view bytes) -> Status {
    TAU_RETURN_IF_ERROR(check_header(name, prefix));
    TAU_RETURN_IF_ERROR(check_header(name, bytes));
    make_room(name.size() + prefix.size() + bytes.size() + 4);
    text_.append(name).append(": ").append(prefix).append(bytes).append("\r\n");
    return ok_status();
  });
}

Status RequestHead::add_credential(const HttpRequest& request, const Url& url,
                                   CredentialSource& credentials) {
  if (request.credential_id.empty()) return ok_status();
  TAU_ASSIGN_OR_RETURN(const Secret secret, credentials.get(request.credential_id, url));
  if (!request.signer) return add_secret(request.credential_header, request.credential_prefix, secret);
  TAU_ASSIGN_OR_RETURN(const auto headers, request.signer(request, url, secret));
  for (const auto& [name, value] : headers) TAU_RETURN_IF_ERROR(add_secret(name, {}, value));
  return ok_status();
}

Status RequestHead::build(const HttpRequest& request, const Url& url, CredentialSource& credentials,
                          std::string_view user_agent) {
  make_room(kTypicalHeadBytes + url.target.size());
  text_.append(request.method).append(" ").append(url.target).append(" HTTP/1.1\r\n");
  TAU_RETURN_IF_ERROR(add("Host", host_of(url)));
  bool have_agent = false;
  for (const auto& [name, value] : request.headers) {
    TAU_RETURN_IF_ERROR(add(name, value));
    have_agent = have_agent || to_lower(name) == "user-agent";
  }
  TAU_RETURN_IF_ERROR(add("accept-encoding", "identity"));
  if (!have_agent && !user_agent.empty()) TAU_RETURN_IF_ERROR(add("user-agent", user_agent));
  TAU_RETURN_IF_ERROR(add_credential(request, url, credentials));
  if (carries_body(request)) TAU_RETURN_IF_ERROR(add("Content-Length", format("{}", request.body.size())));
  make_room(kEndBytes);
  text_.append("\r\n");
  return ok_status();
}

}  // namespace tau::net

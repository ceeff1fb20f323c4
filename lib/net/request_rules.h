// What holds for every request and response, whichever client carries it. Private to net.
#pragma once

#include <string>
#include <string_view>

#include "net/net.h"

namespace tau::net {

std::string to_lower(std::string_view text);  // ASCII
// RFC 9110 section 5.6.2: what method and header names are made of.
bool is_token(std::string_view text);

// INVALID_ARGUMENT "invalid_request": a method or a header name that is no token, a value with CR, LF or NUL,
// and headers that the client writes itself: those that frame the message or name its receiver, and the
// credential's.
Status check_request(const HttpRequest& request);
Status check_header(std::string_view name, std::string_view value);
// Asks the policy about the URL and all that would go out. PERMISSION_DENIED, with a reason that begins with
// "egress_".
Status check_egress(EgressPolicy& egress, const Url& url, const HttpRequest& request);
Status egress_denied(const Status& why);

// Whether the request has a content-length, be it 0 (RFC 9110 section 8.6).
bool carries_body(const HttpRequest& request);

// 127.0.0.1 of a proxy is another machine's.
bool is_this_machine(const std::string& host);

Status invalid_response(std::string_view what);
// Lengths that cannot be read or differ, and encodings of the body nobody asked for. Names are in lower case.
Status check_framing(const Headers& headers, bool may_be_encoded);

}  // namespace tau::net

// AWS Signature Version 4: the headers that prove who sent a request. A pure function of the request, the key
// and the time.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/base.h"

namespace tau::provider {

struct AwsRequest {
  std::string_view method;
  std::string_view host;  // as the header has it: with the port where that is not the scheme's own
  std::string_view path;  // as it is sent: percent-encoded once
  std::string_view query;
  std::vector<std::pair<std::string, std::string>>
      headers;  // to sign besides host and those of the signature
  std::string_view body;
  std::string_view region;
  std::string_view service;
  int64_t time_s = 0;  // since 1970
};

// (name, value) of "x-amz-date", "x-amz-security-token" when the key has a session token, and
// "authorization". INVALID_ARGUMENT "bad_aws_key" for a key of another form.
StatusOr<std::vector<std::pair<std::string, Secret>>> sign_aws(const AwsRequest& request, const Secret& key);

// The canonical request, which is what is signed, and the names of the headers in it; `headers` are all of
// them, names in lower case.
std::string aws_canonical_request(const AwsRequest& request,
                                  std::vector<std::pair<std::string, std::string>> headers,
                                  std::string& signed_headers);

// "us-east-1" of "bedrock-runtime.us-east-1.amazonaws.com"; empty when the host names no region.
std::string_view aws_region_of(std::string_view host);

// Unreserved characters (RFC 3986) as they are, all other bytes as %XX; '/' too, unless `slash`.
std::string aws_encode(std::string_view text, bool slash);

}  // namespace tau::provider

// Where and how each dialect is reached over HTTP: paths, headers, the header of the key; data, not code.
#pragma once

#include <string>
#include <string_view>

#include "provider/provider.h"

namespace tau::provider {

struct Endpoint {
  std::string_view dialect;
  std::string_view path;         // behind the base URL; {model} stands for the model, percent-encoded
  std::string_view stream_path;  // of a request that streams
  std::string_view stream_type;  // the media type of its answer
  std::string_view key_header = "authorization";
  std::string_view key_prefix = "Bearer ";
  std::string_view header;  // one more header of each request, and its value
  std::string_view value;
};
const Endpoint& endpoint_of(const wire::Dialect& dialect);

}  // namespace tau::provider

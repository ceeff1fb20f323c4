// URI references (RFC 3986), as far as identifiers of schemas need them.
#pragma once

#include <string>
#include <string_view>
#include <utility>

namespace tau::json {

// `reference` made absolute against `base` (section 5.2); the base's fragment is dropped.
std::string resolve_uri(std::string_view base, std::string_view reference);

// The URI without its fragment, and the fragment (percent-decoded, without '#').
std::pair<std::string, std::string> split_fragment(std::string_view uri);

}  // namespace tau::json

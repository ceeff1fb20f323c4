// What a Secret refuses at compile time. Without a macro this file compiles; with any REFUSED_* it must not.
#include <sstream>
#include <string>

#include "base/base.h"

namespace tau {

size_t allowed(const Secret& secret) {
  return secret.reveal([](std::string_view bytes) { return bytes.size(); });
}

#if defined(REFUSED_FORMAT)
std::string refused(const Secret& secret) { return format("{}", secret); }
#elif defined(REFUSED_STREAM)
std::string refused(const Secret& secret) {
  std::ostringstream out;
  out << secret;
  return out.str();
}
#elif defined(REFUSED_COPY)
Secret refused(const Secret& secret) { return secret; }
#elif defined(REFUSED_COMPARE)
bool refused(const Secret& a, const Secret& b) { return a == b; }
#elif defined(REFUSED_STRING)
std::string refused(const Secret& secret) { return std::string(secret); }
#elif defined(REFUSED_VIEW)
std::string_view refused(const Secret& secret) { return secret; }
#elif defined(REFUSED_CONCATENATE)
std::string refused(const Secret& secret) { return "key: " + secret; }
#endif

}  // namespace tau

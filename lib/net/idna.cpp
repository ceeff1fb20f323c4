#include "net/idna.h"

#include <dlfcn.h>

#include <cstdlib>

namespace tau::net {
namespace {

// The one function of libidn2 that is used (idn2.h): a zero-terminated name in, one from malloc() out.
using ToAscii = int (*)(const char* input, char** output, int flags);
constexpr int kNfcInput = 1;
constexpr int kTransitional = 4;
constexpr int kNonTransitional = 8;

struct Idn2 {
  ToAscii to_ascii = nullptr;
};

// Stays mapped. The soname is the one since libidn2 2.0.5.
const Idn2& idn2() {
  static const Idn2 library = [] {
    Idn2 found;
    void* const handle = dlopen("libidn2.so.0", RTLD_NOW | RTLD_LOCAL);
    if (handle != nullptr) found.to_ascii = reinterpret_cast<ToAscii>(dlsym(handle, "idn2_to_ascii_8z"));
    return found;
  }();
  return library;
}

// Sharp s, final sigma and the joiners: the only characters that transitional processing treats otherwise.
bool has_deviation(std::string_view name) {
  for (const std::string_view c : {"\xc3\x9f", "\xcf\x82", "\xe1\xba\x9e", "\xe2\x80\x8c", "\xe2\x80\x8d"})
    if (name.find(c) != name.npos) return true;
  return false;
}

}  // namespace

StatusOr<std::string> name_to_ascii(std::string_view name) {
  const ToAscii to_ascii = idn2().to_ascii;
  if (to_ascii == nullptr)
    return invalid_argument("invalid_url",
                            "the URL's host holds characters outside ASCII, and there is no libidn2 to map "
                            "them: write it in punycode");
  const std::string text(name);
  if (text.find('\0') != text.npos) return invalid_argument("invalid_url", "the URL's host holds NUL");
  // Both ways map alike but for the deviations; the transitional one leaves out the tests of IDNA 2008, which
  // the standard for URLs does not ask for (it takes symbols).
  const int flags = kNfcInput | (has_deviation(name) ? kNonTransitional : kTransitional);
  char* mapped = nullptr;
  const int failure = to_ascii(text.c_str(), &mapped, flags);
  std::string out(failure == 0 && mapped != nullptr ? mapped : "");
  std::free(mapped);
  if (failure != 0) return invalid_argument("invalid_url", "the URL's host is no international domain name");
  return out;
}

}  // namespace tau::net

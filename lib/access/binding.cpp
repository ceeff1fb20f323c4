#include "access/binding.h"

#include <cstdint>

namespace tau::access {
namespace {

void append(std::string& out, std::string_view part) {
  for (unsigned shift = 0; shift < 64; shift += 8)
    out.push_back(static_cast<char>(uint64_t{part.size()} >> shift & 0xff));
  out.append(part);
}

}  // namespace

std::string bind(std::string_view domain, std::initializer_list<std::string_view> parts) {
  std::string out;
  append(out, domain);
  for (const std::string_view part : parts) append(out, part);
  return out;
}

crypto::Digest digest_of(std::string_view domain, std::initializer_list<std::string_view> parts) {
  return crypto::blake2b(bind(domain, parts));
}

}  // namespace tau::access

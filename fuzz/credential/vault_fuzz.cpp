// The vault file: what is accepted is encoded again as the same bytes; so are records and references.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "credential/credential.h"

namespace tau::credential {
namespace {

void require(bool law) {
  if (!law) std::abort();
}

// How a header begins: magic, format, suite, size.
constexpr size_t kSizeAt = 12;
constexpr size_t kTrailerBytes = 64;

void check_header(std::string_view file) {
  const auto decoded = decode_header(file);
  if (!decoded.ok()) return;
  require(encode_signed_part(decoded->header) == decoded->signed_part);
  require(decoded->size <= file.size() && !decoded->header.slots.empty() && !decoded->header.keys.empty());
}

// With the size and the checksum made right, so that the search gets behind them.
void check_forged_header(std::string_view text) {
  if (text.size() < kSizeAt + 4) return;
  std::string forged(text);
  for (size_t i = 0; i < 4; ++i)
    forged[kSizeAt + i] = static_cast<char>((text.size() + kTrailerBytes) >> (8 * i));
  check_header(finish_header(std::move(forged), {}));
}

void check_all(std::string_view text) {
  check_header(text);
  check_forged_header(text);
  if (const auto record = decode_record(text); record.ok()) require(encode_record(*record) == text);
  if (const auto name = parse_reference(text); name.ok())
    require(*parse_reference(to_reference(*name)) == *name);
}

}  // namespace
}  // namespace tau::credential

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  tau::credential::check_all({reinterpret_cast<const char*>(data), size});
  return 0;
}

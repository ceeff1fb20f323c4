#include "crypto/crypto.h"
#include "json/json.h"
#include "safety/safety.h"

namespace tau::safety {
namespace {

// Sixteen hexadecimal digits: JSON readers lose bits of numbers that large.
std::string hex_of(uint64_t number) {
  std::string bytes;
  for (int shift = 56; shift >= 0; shift -= 8) bytes += static_cast<char>(number >> shift & 0xff);
  return crypto::hex(bytes);
}

}  // namespace

std::string findings_json(std::span<const Finding> findings) {
  std::string out;
  json::Writer writer(out);
  writer.begin_array();
  for (const Finding& finding : findings) {
    writer.begin_object().field("rule", finding.rule);
    if (!finding.subject.empty()) writer.field("subject", finding.subject);
    writer.field("offset", static_cast<int64_t>(finding.offset))
        .field("length", static_cast<int64_t>(finding.length))
        .field("fingerprint", hex_of(finding.fingerprint))
        .field("confidence", finding.confidence == Confidence::kCertain ? "certain" : "likely");
    if (finding.signal) writer.field("signal", true);
    writer.end_object();
  }
  writer.end_array();
  return out;
}

}  // namespace tau::safety

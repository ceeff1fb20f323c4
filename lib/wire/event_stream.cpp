#include "wire/event_stream.h"

#include <algorithm>

#include "crypto/crypto.h"

namespace tau::wire {
namespace {

using Type = EventHeader::Type;

constexpr size_t kPrelude = 12;  // its checksum included
constexpr size_t kChecksum = 4;
constexpr size_t kMostText = 0xffff;
constexpr size_t kMostName = 0xff;

uint64_t number_at(std::string_view bytes, size_t size) {
  uint64_t n = 0;
  for (size_t i = 0; i < size; ++i) n = n << 8 | static_cast<uint8_t>(bytes[i]);
  return n;
}

uint32_t word_at(std::string_view bytes, size_t at) {
  const auto byte = [&](size_t i) { return uint32_t{static_cast<uint8_t>(bytes[at + i])}; };
  return byte(0) << 24 | byte(1) << 16 | byte(2) << 8 | byte(3);
}

void append_number(std::string& out, uint64_t n, size_t size) {
  while (size-- > 0) out += static_cast<char>(n >> (8 * size));
}

// Bytes of a value of this type; 0 for none, and for those that say themselves.
size_t size_of(Type type) {
  switch (type) {
    case Type::kByte: return 1;
    case Type::kInt16: return 2;
    case Type::kInt32: return 4;
    case Type::kInt64:
    case Type::kTime: return 8;
    case Type::kUuid: return 16;
    default: return 0;
  }
}

// Takes one header off `bytes`; false when they hold none.
bool take_header(std::string_view& bytes, EventHeader& out) {
  const size_t name = static_cast<uint8_t>(bytes.front());
  if (name == 0 || bytes.size() < 1 + name + 1) return false;
  out.name = bytes.substr(1, name);
  const auto type = static_cast<uint8_t>(bytes[1 + name]);
  bytes.remove_prefix(name + 2);
  if (type > static_cast<uint8_t>(Type::kUuid)) return false;
  out.type = static_cast<Type>(type);
  const bool sized = out.type == Type::kBytes || out.type == Type::kString;
  size_t size = size_of(out.type);
  if (sized) {
    if (bytes.size() < 2) return false;
    size = number_at(bytes, 2);
    bytes.remove_prefix(2);
  }
  if (bytes.size() < size) return false;
  const std::string_view value = bytes.substr(0, size);
  bytes.remove_prefix(size);
  out.bytes = {};
  out.number = 0;
  if (sized || out.type == Type::kUuid) {
    out.bytes = value;
  } else if (size > 0) {
    const auto unused = static_cast<int>(8 * (sizeof(int64_t) - size));
    out.number = static_cast<int64_t>(number_at(value, size) << unused) >> unused;  // keeps the sign
  }
  return true;
}

Status corrupt(std::string_view what) {
  ErrorInfo info;
  info.code = Code::kDataLoss;
  info.reason = "event_stream_corrupt";
  info.message = format("the event stream is damaged: {}", what);
  info.retryable = true;
  return Status(std::move(info));
}

}  // namespace

std::string_view EventMessage::text(std::string_view name) const {
  for (const EventHeader& header : headers)
    if (header.type == Type::kString && header.name == name) return header.bytes;
  return {};
}

Status EventStreamParser::fail(Status status) {
  failed_ = std::move(status);
  held_.clear();
  return failed_;
}

// `bytes` begin with a whole prelude.
Status EventStreamParser::check_prelude(std::string_view bytes) {
  crc_ = crypto::crc32(bytes.substr(0, kPrelude - kChecksum));
  if (crc_ != word_at(bytes, kPrelude - kChecksum))
    return corrupt("the checksum of a message's prelude is wrong");
  total_ = word_at(bytes, 0);
  const size_t headers = word_at(bytes, sizeof(uint32_t));
  if (total_ > kMaxMessageBytes || headers > kMaxHeaderBytes)
    return resource_exhausted(
        "event_stream_too_large",
        format("a message of the event stream is longer than {} bytes", kMaxMessageBytes));
  if (total_ < kPrelude + headers + kChecksum)
    return corrupt("the lengths of a message contradict each other");
  return ok_status();
}

Status EventStreamParser::take(std::string_view message) {
  const size_t end = message.size() - kChecksum;
  const uint32_t crc =
      crypto::crc32(message.substr(kPrelude - kChecksum, end - (kPrelude - kChecksum)), crc_);
  if (crc != word_at(message, end)) return corrupt("the checksum of a message is wrong");
  const size_t headers = word_at(message, sizeof(uint32_t));
  const std::string_view block = message.substr(kPrelude, headers);
  message_.payload = message.substr(kPrelude + headers, end - kPrelude - headers);
  message_.again = block == headers_;
  if (message_.again) return ok_status();
  headers_ = block;
  message_.headers.clear();
  std::string_view rest = headers_;
  while (!rest.empty())
    if (!take_header(rest, message_.headers.emplace_back())) return corrupt("a header of a message is none");
  return ok_status();
}

Status EventStreamParser::feed_impl(std::string_view bytes, Callback callback, void* f) {
  while (failed_.ok() && !stopped_ && !bytes.empty()) {
    // Only what is needed is added to what is held, so that a message that lies in one piece is not copied.
    const size_t had = held_.size();
    if (had + bytes.size() < kPrelude) {
      held_ += bytes;
      break;
    }
    if (had < kPrelude) {
      std::string_view prelude = bytes;
      if (had > 0) {
        held_ += bytes.substr(0, kPrelude - had);
        bytes.remove_prefix(kPrelude - had);
        prelude = held_;
      }
      if (Status status = check_prelude(prelude); !status.ok()) return fail(std::move(status));
    }
    const size_t missing = total_ - held_.size();
    if (bytes.size() < missing) {
      held_ += bytes;
      break;
    }
    const bool whole = held_.empty();
    if (!whole) held_ += bytes.substr(0, missing);
    if (Status status = take(whole ? bytes.substr(0, missing) : held_); !status.ok())
      return fail(std::move(status));
    bytes.remove_prefix(missing);
    stopped_ = !callback(f, message_);
    held_.clear();
  }
  return failed_;
}

void append_event_message(std::string& out, const std::vector<EventHeader>& headers,
                          std::string_view payload) {
  std::string block;
  for (const EventHeader& header : headers) {
    const std::string_view name = header.name.substr(0, kMostName);
    append_number(block, name.size(), 1);
    block += name;
    append_number(block, static_cast<uint64_t>(header.type), 1);
    const bool sized = header.type == Type::kBytes || header.type == Type::kString;
    const std::string_view bytes = header.bytes.substr(0, kMostText);
    if (sized) append_number(block, bytes.size(), 2);
    if (sized || header.type == Type::kUuid)
      block += bytes;
    else
      append_number(block, static_cast<uint64_t>(header.number), size_of(header.type));
  }
  const size_t begin = out.size();
  append_number(out, kPrelude + block.size() + payload.size() + kChecksum, sizeof(uint32_t));
  append_number(out, block.size(), sizeof(uint32_t));
  append_number(out, crypto::crc32(std::string_view(out).substr(begin)), sizeof(uint32_t));
  out.append(block).append(payload);
  append_number(out, crypto::crc32(std::string_view(out).substr(begin)), sizeof(uint32_t));
}

}  // namespace tau::wire

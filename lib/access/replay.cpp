#include "access/replay.h"

#include <algorithm>
#include <cstring>

#include "access/key.h"

namespace tau::access {
namespace {

// "TAUREPLY", version, floor, not before, count, entries of key and time, BLAKE2b of it all.
constexpr std::string_view kMagic = "TAUREPLY";
constexpr uint64_t kVersion = 1;
constexpr size_t kHeaderBytes = 8 + 4 * 8;
constexpr size_t kEntryBytes = sizeof(crypto::Digest) + 8;

void put_u64(std::string& out, uint64_t number) {
  for (unsigned shift = 0; shift < 64; shift += 8) out.push_back(static_cast<char>(number >> shift & 0xff));
}

uint64_t get_u64(std::string_view bytes, size_t at) {
  uint64_t number = 0;
  for (size_t i = 8; i > 0; --i) number = number << 8 | static_cast<unsigned char>(bytes[at + i - 1]);
  return number;
}

int64_t get_i64(std::string_view bytes, size_t at) { return static_cast<int64_t>(get_u64(bytes, at)); }

Status damaged() { return data_loss("replay_state_damaged", "the state of a replay store is damaged"); }

}  // namespace

ReplayStore::ReplayStore(size_t capacity) : capacity_(std::min(capacity, kMaxCapacity)) {}

Status ReplayStore::admit(const crypto::Digest& key, int64_t issued_ms, int64_t hold_until_ms,
                          int64_t now_ms) {
  const std::lock_guard lock(mutex_);
  State& state = state_;
  while (!state.by_time.empty() && state.by_time.begin()->first < now_ms) {
    state.floor_ms = std::max(state.floor_ms, state.by_time.begin()->first);
    state.entries.erase(state.by_time.begin()->second);
    state.by_time.erase(state.by_time.begin());
  }
  if (hold_until_ms <= state.floor_ms || hold_until_ms < now_ms || issued_ms < state.not_before_ms)
    return permission_denied("replay_window_passed", "it may have been accepted before: its time has passed");
  if (state.entries.contains(key)) return permission_denied("replayed", "it was accepted before");
  if (state.entries.size() >= capacity_)
    return resource_exhausted("replay_store_full",
                              format("{} are held already, and none has passed its time", capacity_));
  state.entries.emplace(key, hold_until_ms);
  state.by_time.emplace(hold_until_ms, key);
  return ok_status();
}

void ReplayStore::refuse_issued_before(int64_t ms) {
  const std::lock_guard lock(mutex_);
  state_.not_before_ms = std::max(state_.not_before_ms, ms);
}

size_t ReplayStore::size() const {
  const std::lock_guard lock(mutex_);
  return state_.entries.size();
}

std::string ReplayStore::serialize() const {
  const std::lock_guard lock(mutex_);
  std::string out(kMagic);
  put_u64(out, kVersion);
  put_u64(out, static_cast<uint64_t>(state_.floor_ms));
  put_u64(out, static_cast<uint64_t>(state_.not_before_ms));
  put_u64(out, state_.entries.size());
  for (const auto& [key, hold_until_ms] : state_.entries) {
    out.append(bytes_of(key));
    put_u64(out, static_cast<uint64_t>(hold_until_ms));
  }
  return out.append(bytes_of(crypto::blake2b(out)));
}

Status ReplayStore::restore(std::string_view image) {
  constexpr size_t kLeast = kHeaderBytes + sizeof(crypto::Digest);
  if (image.size() < kLeast || !image.starts_with(kMagic) || get_u64(image, 8) != kVersion) return damaged();
  const std::string_view body = image.substr(0, image.size() - sizeof(crypto::Digest));
  if (bytes_of(crypto::blake2b(body)) != image.substr(body.size())) return damaged();
  const uint64_t count = get_u64(image, 32);
  if ((body.size() - kHeaderBytes) % kEntryBytes != 0 || (body.size() - kHeaderBytes) / kEntryBytes != count)
    return damaged();
  if (count > capacity_)
    return resource_exhausted("replay_store_full",
                              format("the state holds {}; there is room for {}", count, capacity_));
  State state;
  state.floor_ms = get_i64(image, 16);
  state.not_before_ms = get_i64(image, 24);
  for (size_t at = kHeaderBytes; at < body.size(); at += kEntryBytes) {
    crypto::Digest key;
    std::memcpy(key.data(), body.data() + at, sizeof key);
    const int64_t hold_until_ms = get_i64(body, at + sizeof key);
    if (!state.entries.emplace(key, hold_until_ms).second) return damaged();
    state.by_time.emplace(hold_until_ms, key);
  }
  const std::lock_guard lock(mutex_);
  state_ = std::move(state);
  return ok_status();
}

}  // namespace tau::access

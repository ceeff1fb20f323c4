// The ledger of a campaign over memories, and the texts that it is about.
#include "memory_ledger.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <iterator>

#include "base/base.h"

namespace tau::campaign {
namespace {

constexpr ScopeName kScopeNames[kScopes] = {
    {"north", "", "", "scopealder"},     {"north", "one", "", "scopebirch"},
    {"north", "two", "", "scopecedar"},  {"north", "one", "ada", "scopedogwood"},
    {"north", "", "ada", "scopeelm"},    {"south", "", "", "scopefir"},
    {"south", "one", "", "scopeginkgo"}, {"south", "one", "ada", "scopehazel"},
};

constexpr const char* kCountNames[kCounts] = {
    "adds",  "batches",    "forgets", "restores", "purges", "busy purges", "relations",
    "races", "lost races", "gets",    "searches", "lists",  "open ends",
};

constexpr const char* kWords[] = {
    "river",  "harbour", "ticket",  "morning", "garden", "letter",  "window",  "copper",
    "basket", "candle",  "meadow",  "orchard", "saddle", "lantern", "thunder", "velvet",
    "anchor", "bridge",  "compass", "dolphin", "engine", "feather", "glacier", "hammer",
    "island", "jacket",  "kettle",  "ladder",  "market", "needle",  "oyster",  "pepper",
};

uint64_t mixed(uint64_t n) {
  n += 0x9e3779b97f4a7c15ULL;
  n = (n ^ (n >> 30)) * 0xbf58476d1ce4e5b9ULL;
  n = (n ^ (n >> 27)) * 0x94d049bb133111ebULL;
  return n ^ (n >> 31);
}

uint64_t packed(Said said) { return uint64_t{static_cast<uint32_t>(said.state)} << 32 | said.number; }
Said unpacked(uint64_t bits) {
  return {static_cast<MemoryState>(bits >> 32), static_cast<uint32_t>(bits & 0xffffffffu)};
}

}  // namespace

const ScopeName& scope_name(int scope) { return kScopeNames[scope]; }
const char* count_name(int count) { return kCountNames[count]; }

std::string Said::to_text() const {
  constexpr const char* kNames[] = {"absent", "live", "forgotten"};
  return format("{} {}", kNames[static_cast<int>(state)], number);
}

Ledger* Ledger::map(const std::string& path, bool create) {
  const int fd = ::open(path.c_str(), create ? O_RDWR | O_CREAT | O_EXCL : O_RDWR, 0600);
  if (fd < 0) return nullptr;
  void* at = MAP_FAILED;
  if (!create || ::ftruncate(fd, sizeof(Ledger)) == 0)
    at = ::mmap(nullptr, sizeof(Ledger), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  ::close(fd);
  return at == MAP_FAILED ? nullptr : static_cast<Ledger*>(at);
}

uint64_t Ledger::operations() const {
  uint64_t sum = 0;
  for (int i = 0; i < kCounts; ++i)
    if (i != kBusyPurges && i != kOpenEnds) sum += counts[i].load(std::memory_order_relaxed);
  return sum;
}

void Ledger::problem(std::string_view text) {
  const uint32_t at = problems.fetch_add(1);
  if (at >= kMostProblems) return;
  const size_t bytes = std::min<size_t>(text.size(), kProblemBytes - 1);
  std::memcpy(problem_texts[at], text.data(), bytes);
}

Said Ledger::told(int slot) const { return unpacked(slots[slot].told); }

void Ledger::ask(int slot, Said said, uint32_t group) {
  Slot& s = slots[slot];
  if (said.state != MemoryState::kLive) s.live_since = 0;
  s.asked = packed(said);
  s.group = group;
  if (said.number > s.last) s.last = said.number;
  ++s.version;
}

void Ledger::answer(int slot, bool done) {
  Slot& s = slots[slot];
  const Said before = unpacked(s.told);
  if (done) {
    if (unpacked(s.asked).state == MemoryState::kAbsent) s.erased = s.last.load();
    s.told = s.asked.load();
    s.since = ++tick;
  }
  const Said now = unpacked(s.told);
  if (now.state == MemoryState::kLive && (before.state != MemoryState::kLive || s.live_since == 0))
    s.live_since = ++tick;
  ++s.version;
}

std::string memory_id(int slot) { return format("m{}", name_of(slot)); }

std::string token_of(int slot, uint32_t number) {
  uint64_t n = mixed(static_cast<uint64_t>(slot) << 32 | number);
  std::string token;
  for (int i = 0; i < 12; ++i, n /= 26) token += static_cast<char>('a' + n % 26);
  return token + "zq";
}

std::string common_word(uint64_t n) { return kWords[mixed(n) % std::size(kWords)]; }

std::string text_of(int slot, uint32_t number) {
  std::string text = format("{} n{}v{} {} {}", token_of(slot, number), slot, number, token_of(slot, 0),
                            scope_name(scope_of(slot)).word);
  const uint64_t seed = static_cast<uint64_t>(slot) * 1000003 + number;
  for (uint64_t i = 0; i < 5 + seed % 7; ++i) text += " " + common_word(seed * 16 + i);
  return text;
}

bool read_text(std::string_view text, int* slot, uint32_t* number) {
  const size_t at = text.find(" n");
  if (at == text.npos) return false;
  const char* const end = text.data() + text.size();
  const auto first = std::from_chars(text.data() + at + 2, end, *slot);
  if (first.ec != std::errc() || first.ptr == end || *first.ptr != 'v') return false;
  const auto second = std::from_chars(first.ptr + 1, end, *number);
  return second.ec == std::errc() && *slot >= 0 && *slot < kMostSlots && text == text_of(*slot, *number);
}

}  // namespace tau::campaign

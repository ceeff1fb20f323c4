// What was promised of memories, in memory that all processes of a campaign share and that outlives each of
// them. Every memory has one writer, which notes what it is about to ask for and then what was answered: a
// writer that is killed in between leaves open which of the two is true, and nothing else.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>

namespace tau::campaign {

inline constexpr int kScopes = 8;
inline constexpr int kMostNames = 512;  // ids of a scope; the same in every scope
inline constexpr int kMostSlots = kScopes * kMostNames;

struct ScopeName {
  const char* workspace;
  const char* channel;
  const char* actor;
  const char* word;  // stands in each of its texts
};
const ScopeName& scope_name(int scope);

enum class MemoryState : uint32_t { kAbsent, kLive, kForgotten };

// A state, and the number of the text that the memory has.
struct Said {
  MemoryState state = MemoryState::kAbsent;
  uint32_t number = 0;
  bool operator==(const Said&) const = default;
  std::string to_text() const;
};

// A memory: its id and scope follow from its place.
struct Slot {
  std::atomic<uint32_t> version;  // odd while its writer waits for an answer
  std::atomic<uint32_t> group;    // of what is written in one transaction with it; 0: alone
  std::atomic<uint64_t> told;     // Said, acknowledged
  std::atomic<uint64_t> asked;    // Said, once it is
  std::atomic<uint64_t> since;    // tick of the acknowledgement
  std::atomic<uint64_t>
      live_since;                // tick since when it is found, whatever was written over it; 0: it is not
  std::atomic<uint32_t> last;    // number of its newest text
  std::atomic<uint32_t> erased;  // texts up to this number were purged
};

enum Count : int {
  kAdds,
  kBatches,
  kForgets,
  kRestores,
  kPurges,
  kBusyPurges,  // of those, that could not empty the log at once
  kRelations,
  kRaces,  // writes on condition of a revision, won
  kLostRaces,
  kGets,
  kSearches,
  kLists,
  kOpenEnds,  // answers that a killed writer did not live to see
  kCounts
};
const char* count_name(int count);

// Zero bytes are an empty ledger.
struct Ledger {
  static constexpr int kMostProblems = 40;
  static constexpr int kProblemBytes = 400;
  static constexpr uint32_t kMostRevisions = 1 << 18;

  std::atomic<uint64_t> tick;
  std::atomic<uint32_t> stop;
  std::atomic<uint32_t> groups;
  std::atomic<uint64_t> target;  // operations after which everybody stops
  std::atomic<uint64_t> counts[kCounts];
  std::atomic<uint32_t> problems;
  char problem_texts[kMostProblems][kProblemBytes];
  uint32_t names;    // ids of a scope that are in use
  uint32_t writers;  // in all processes
  Slot slots[kMostSlots];
  // Who was told that a revision of the memory that everybody writes is his, by scope.
  std::atomic<uint32_t> claims[kScopes][kMostRevisions];
  std::atomic<uint32_t> newest_claim[kScopes];

  // Made by the first, for children of any kind; null when it cannot be mapped.
  static Ledger* map(const std::string& path, bool create);

  int slot_count() const { return static_cast<int>(names) * kScopes; }
  uint64_t operations() const;
  bool done() const { return target != 0 && operations() >= target; }
  bool over() const { return stop != 0 || done(); }
  void count(Count what) { counts[what].fetch_add(1, std::memory_order_relaxed); }
  void problem(std::string_view text);

  Said told(int slot) const;
  // By the writer of the slot, around a request.
  void ask(int slot, Said said, uint32_t group = 0);
  void answer(int slot, bool done);
};

// Of a place: its scope, and its id within it.
inline int scope_of(int slot) { return slot % kScopes; }
inline int name_of(int slot) { return slot / kScopes; }
std::string memory_id(int slot);
// A word that stands nowhere else: of one text of a memory, and with number 0 of all of its texts.
std::string token_of(int slot, uint32_t number);
// The middle of a token, which stemming and the front coding of an index leave alone.
inline std::string_view heart_of(std::string_view token) { return token.substr(4, 8); }
std::string text_of(int slot, uint32_t number);
// What a text says that it is of. False: it is none of ours.
bool read_text(std::string_view text, int* slot, uint32_t* number);
std::string common_word(uint64_t n);

}  // namespace tau::campaign

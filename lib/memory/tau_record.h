// The record files of Tau: a line of JSON for each version of a memory, the last one counts. What such a
// record says and a memory has no place for is kept in its attributes, under "tau", so that it comes out
// again. Vectors do not: they are made anew. Tau's databases (SQLite) are not read: Tau writes these files
// for them.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "memory/import_lines.h"

namespace tau::memory {

inline constexpr std::string_view kTauKey = "tau";

// The first pass over a file: which line has the last version of a memory, and in which scope an id was last
// used, for relations name ids alone. About 100 bytes for each memory.
class TauVersions : public LineFeed {
 public:
  // After the last bytes, which may be cut off.
  Status finish() { return end(); }
  bool is_last(const store::MemoryScope& scope, std::string_view id, int64_t number) const;
  // Null: the file has no such memory, or has it as forgotten.
  const store::MemoryScope* scope_of(std::string_view id) const;

 private:
  using Key = std::array<uint64_t, 2>;
  struct KeyHash {
    size_t operator()(const Key& key) const { return static_cast<size_t>(key[0]); }
  };
  struct Place {
    uint32_t scope = 0;
    bool forgotten = false;
  };
  static Key key_of(const store::MemoryScope& scope, std::string_view id);
  Status line(std::string_view text, int64_t number, bool cut, bool too_long) override;
  uint32_t number_of(const store::MemoryScope& scope);

  std::unordered_map<Key, int64_t, KeyHash> last_;  // line of a memory's last version
  std::unordered_map<Key, Place, KeyHash> places_;  // of ids
  std::vector<store::MemoryScope> scopes_;
  std::unordered_map<Key, uint32_t, KeyHash> scope_numbers_;
};

// The second pass. `versions` has seen the same bytes. check_import_options() first.
class TauImport : public LineImport {
 public:
  TauImport(const ImportOptions& options, const TauVersions& versions, RecordHandler& handler)
      : LineImport(handler), options_(options), versions_(versions) {}

 private:
  StatusOr<std::optional<MemoryRecord>> read(std::string_view text, int64_t number) override;
  const ImportOptions options_;
  const TauVersions& versions_;
};

// The line, with its "\n". What Tau has no place for (thread, time, fact, validity, labels) is left out.
void append_tau_record(std::string& out, const MemoryRecord& record);

}  // namespace tau::memory

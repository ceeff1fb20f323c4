// Labels: where a value came from (integrity) and who may read it (confidentiality).
//
// Labels join: a value computed from several others has the union of their sources and the intersection of
// their readers. Joining never removes a source and never adds a reader.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/shared_string.h"
#include "base/status.h"

namespace tau {

// Where bytes came from, as a bit set. kTool is refined by tool names.
enum class Source : uint32_t {
  kSystem = 1u << 0,     // the host program: system prompt, configuration
  kUser = 1u << 1,       // the person who asks
  kWorkspace = 1u << 2,  // files of the workspace, AGENTS.md among them
  kTool = 1u << 3,       // the result of a tool
  kWeb = 1u << 4,        // fetched from a network
  kMemory = 1u << 5,     // recalled
  kModel = 1u << 6,      // written by a language model
};

class Labels {
 public:
  Labels() = default;  // no source yet, readable by anyone
  static Labels from(Source source);
  static Labels tool(std::string_view name);

  bool has(Source source) const { return (sources_ & static_cast<uint32_t>(source)) != 0; }
  bool readable_by_all() const { return public_; }
  // Who may read when not all may: sorted, comma separated; empty: nobody but the system.
  const SharedString& readers() const { return readers_; }

  // Limits the readers to these principals (none: nobody but the system). What is no id names nobody.
  void restrict_readers(std::vector<std::string> readers);
  void join(const Labels& other);

  // {"integrity":["user","tool:read"],"readers":["*"]}: sorted, canonical.
  std::string to_json() const;
  // The names alone, comma separated: "user,tool:read".
  const SharedString& integrity() const { return integrity_; }

  bool operator==(const Labels&) const = default;

 private:
  bool covers(const Labels& other) const;
  void join_sources(const Labels& other);

  uint32_t sources_ = 0;
  bool public_ = true;
  SharedString integrity_;  // the names of `sources_`, in one order, then the tools, sorted
  SharedString readers_;    // unused while public_
};

// The inverse of Labels::integrity(); unknown names are an error.
StatusOr<Labels> parse_integrity(std::string_view text);

}  // namespace tau

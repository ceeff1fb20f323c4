// How much of a prompt's beginning is that of the one before it, told by digests of its pieces: the prompts
// themselves are not kept. Owner thread of a loop.
#pragma once

#include <cstdint>
#include <list>
#include <string>
#include <string_view>
#include <vector>

namespace tau::provider {

class PromptPrefixes {
 public:
  static constexpr size_t kPiece = 64;                 // bytes that one digest stands for
  static constexpr size_t kMaxPieces = 1u << 16;       // of one prompt: 4 MiB of it
  static constexpr size_t kMaxDigestBytes = 4u << 20;  // of all sessions together
  static constexpr size_t kMaxSessions = 1'024;

  // The bytes that `body` has in common with the last one of the session: a multiple of kPiece that is never
  // more than they are, but for one chance in 2^32 per piece. 0 for the first one, and when the last one was
  // forgotten. What stands in `skipped` counts as not there.
  int64_t follow(std::string_view session, std::string_view body, std::string_view skipped);

  size_t sessions() const { return kept_.size(); }
  size_t digest_bytes() const { return bytes_; }

 private:
  struct Kept {
    std::string session;
    std::vector<uint32_t> pieces;
  };
  std::list<Kept> kept_;  // the one used last in front
  size_t bytes_ = 0;
  std::vector<uint32_t> pieces_;  // memory to work in
};

}  // namespace tau::provider

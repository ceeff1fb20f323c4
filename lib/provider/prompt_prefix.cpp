// Digests of prompts, piece by piece.
#include "provider/prompt_prefix.h"

#include <algorithm>
#include <cstring>

#include "crypto/crypto.h"

namespace tau::provider {
namespace {

// Equal pieces are told from others, nothing more.
uint32_t digest(const char* text) {
  return static_cast<uint32_t>(crypto::checksum64({text, PromptPrefixes::kPiece}));
}

// Cuts a text that comes in runs into pieces.
class Cutter {
 public:
  explicit Cutter(std::vector<uint32_t>& pieces) : pieces_(pieces) {}
  void feed(std::string_view run) {
    if (held_ > 0) {
      const size_t n = std::min(run.size(), PromptPrefixes::kPiece - held_);
      std::memcpy(rest_ + held_, run.data(), n);
      held_ += n;
      run.remove_prefix(n);
      if (held_ < PromptPrefixes::kPiece) return;
      add(rest_);
      held_ = 0;
    }
    for (; run.size() >= PromptPrefixes::kPiece; run.remove_prefix(PromptPrefixes::kPiece)) add(run.data());
    std::memcpy(rest_, run.data(), run.size());
    held_ = run.size();
  }

 private:
  void add(const char* piece) {
    if (pieces_.size() < PromptPrefixes::kMaxPieces) pieces_.push_back(digest(piece));
  }
  std::vector<uint32_t>& pieces_;
  char rest_[PromptPrefixes::kPiece];
  size_t held_ = 0;
};

}  // namespace

int64_t PromptPrefixes::follow(std::string_view session, std::string_view body, std::string_view skipped) {
  pieces_.clear();
  Cutter cutter(pieces_);
  while (!skipped.empty()) {
    const size_t at = body.find(skipped);
    if (at == body.npos) break;
    cutter.feed(body.substr(0, at));
    body.remove_prefix(at + skipped.size());
  }
  cutter.feed(body);
  const auto at =
      std::find_if(kept_.begin(), kept_.end(), [&](const Kept& kept) { return kept.session == session; });
  size_t same = 0;
  if (at == kept_.end()) {
    kept_.push_front({std::string(session), {}});
  } else {
    bytes_ -= at->pieces.size() * sizeof(uint32_t);
    same = static_cast<size_t>(
        std::mismatch(at->pieces.begin(), at->pieces.end(), pieces_.begin(), pieces_.end()).first -
        at->pieces.begin());
    kept_.splice(kept_.begin(), kept_, at);
  }
  kept_.front().pieces.assign(pieces_.begin(), pieces_.end());
  bytes_ += pieces_.size() * sizeof(uint32_t);
  while (kept_.size() > 1 && (kept_.size() > kMaxSessions || bytes_ > kMaxDigestBytes)) {
    bytes_ -= kept_.back().pieces.size() * sizeof(uint32_t);
    kept_.pop_back();
  }
  return static_cast<int64_t>(same * kPiece);
}

}  // namespace tau::provider

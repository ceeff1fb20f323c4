#include "runtime/audit_keys.h"

#include <algorithm>
#include <utility>

#include "os/os.h"
#include "runtime/config_keys.h"

namespace tau::runtime {
namespace {

constexpr int64_t kLockPatienceMs = 2000;

// Stands for a key that has signed heads and that this program does not have: no head is written, and none
// that would take the signature away.
class AbsentKey final : public observe::Signer {
 public:
  AbsentKey(std::string id, std::string why) : id_(std::move(id)), why_(std::move(why)) {}
  std::string_view algorithm() const override { return observe::Ed25519Key::kAlgorithm; }
  std::string key_id() const override { return id_; }
  StatusOr<std::string> sign(std::string_view) override {
    return unavailable("audit_key_missing", "the key that signs the audit log is not there: " + why_);
  }

 private:
  const std::string id_;
  const std::string why_;
};

std::vector<std::string> split_keys(std::string_view mark) {
  std::vector<std::string> keys;
  for (const std::string_view key : split(mark, ','))
    if (!key.empty()) keys.emplace_back(key);
  return keys;
}

}  // namespace

StatusOr<observe::Ed25519Keys> keys_of_log(std::string_view keys_mark, std::string_view anchored_head) {
  const bool is_signed =
      !anchored_head.empty() && anchored_head.find(R"("alg":"none")") == std::string_view::npos;
  return observe::Ed25519Keys::make(
      {.public_keys = split_keys(keys_mark), .any = false, .unsigned_too = !is_signed});
}

// One process makes the key, the others find it.
Status AuditKeys::find_seed(const std::string& folder) {
  TAU_RETURN_IF_ERROR(os::make_private_dir(folder));
  TAU_ASSIGN_OR_RETURN(const os::FileLock held, os::FileLock::acquire(folder + "/lock", kLockPatienceMs));
  TAU_ASSIGN_OR_RETURN(Secret seed,
                       secrets_.get_or_make(std::string(kAuditKeyReference), crypto::kEd25519SeedBytes));
  TAU_ASSIGN_OR_RETURN(key_, observe::Ed25519Key::make(std::move(seed)));
  return ok_status();
}

Status AuditKeys::fill(const std::string& folder, observe::AuditOptions& options) {
  TAU_ASSIGN_OR_RETURN(std::string mark, store_.load_mark(kAuditKeysMark));
  TAU_ASSIGN_OR_RETURN(const std::string head, store_.load_mark(kAuditHeadMark));
  options.signer = nullptr;
  options.keys = nullptr;
  Status found = key_ ? ok_status() : find_seed(folder);
  if (found.code() == Code::kResourceExhausted) return found;
  std::vector<std::string> known = split_keys(mark);
  if (found.ok()) {
    options.signer = &*key_;
    if (std::ranges::find(known, key_->key_id()) == known.end()) {
      mark += (mark.empty() ? "" : ",") + key_->key_id();
      TAU_RETURN_IF_ERROR(store_.store_mark(kAuditKeysMark, mark));
    }
  } else if (!known.empty()) {
    absent_ = std::make_unique<AbsentKey>(known.back(), std::string(found.message()));
    options.signer = absent_.get();
  } else {
    return ok_status();
  }
  TAU_ASSIGN_OR_RETURN(keys_, keys_of_log(mark, head));
  options.keys = &*keys_;
  return ok_status();
}

}  // namespace tau::runtime

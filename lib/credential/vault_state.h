// One state of a vault in memory: the file's bytes and the keys to them. Secrets stay encrypted.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "credential/image.h"
#include "credential/keys.h"
#include "credential/vault.h"
#include "os/os.h"

namespace tau::credential {

// A record as it stands in the file.
struct StoredRecord {
  std::string bytes;
  TableEntry expected;           // differs from the bytes when they are damaged
  std::optional<Record> record;  // none: damaged
  std::string claimed_name;      // of a damaged one
};

// Which file was read, to see that it is another one by now. It is held open, so that no later file gets the
// number of its inode.
struct FileIdentity {
  std::shared_ptr<const os::Fd> held;
  uint64_t device = 0;
  uint64_t inode = 0;
  int64_t changed_ns = 0;
  uint64_t size = 0;

  bool is_same(const FileIdentity& other) const {
    return device == other.device && inode == other.inode && changed_ns == other.changed_ns &&
           size == other.size;
  }
};

// Immutable once published: readers share it.
struct VaultState {
  Header header;                                             // without its table, which is made of `records`
  std::vector<std::shared_ptr<const StoredRecord>> records;  // by name and version; damaged ones last
  std::shared_ptr<const Secret> root;
  std::map<uint32_t, std::shared_ptr<const Secret>> keys;
  FileIdentity file;

  // The record of that name and version, 0 for the current one; null if there is none.
  const Record* find(const SecretName& name, uint32_t version) const;
  StatusOr<Secret> open(const Record& record) const;
};

// A vault's file and which one it was.
struct VaultFile {
  std::string bytes;
  FileIdentity identity;
};
StatusOr<VaultFile> read_vault_file(const std::string& path);
StatusOr<FileIdentity> identify_vault_file(const std::string& path);

// Decodes and verifies a file with its root key: MAC, data keys, and each record's digest.
StatusOr<VaultState> decode_vault(const VaultFile& file, DecodedHeader decoded, Secret root);
// Tries the slots that `unlock` may belong to.
StatusOr<Secret> unlock_header(const Header& header, const Unlock& unlock);

// What a write makes of a state.
class VaultEdit {
 public:
  VaultEdit(const VaultState& base, const VaultOptions& options);

  VaultState& state() { return state_; }
  Random& random() { return *options_.random; }
  int64_t now_ms() { return options_.clock->wall_ms(); }
  const Secret& current_key() const { return *state_.keys.at(state_.header.current_key); }

  // Seals `record` anew, under the current key and with this write's epoch, and keeps it in its place.
  Status store(Record record, const Secret& value);
  Status store(Record record) { return store(std::move(record), Secret()); }
  void erase(const SecretName& name);
  // A slot for the root key. `cost` is for a passphrase; zeros mean calibrated.
  Status add_slot(const Unlock& unlock, crypto::PasswordCost cost);
  // The file's bytes.
  std::string encode() const;

 private:
  const VaultOptions& options_;
  VaultState state_;
};

}  // namespace tau::credential

// What is derived from which key, and what each key seals. docs/vault.md has the hierarchy.
#pragma once

#include <string>
#include <string_view>

#include "base/base.h"
#include "credential/image.h"
#include "credential/unlock.h"

namespace tau::credential {

// A key of kKeyBytes random bytes.
Secret random_key(Random& random);
std::string random_bytes(Random& random, size_t size);

// Seals the root key under what `unlock` holds. A passphrase costs what slot.cost says.
Status seal_slot(Slot& slot, std::string_view store_id, const Unlock& unlock, const Secret& root,
                 Random& random);
// UNAUTHENTICATED "wrong_key" when this slot is of another secret; DATA_LOSS "vault_damaged".
StatusOr<Secret> open_slot(const Slot& slot, std::string_view store_id, const Unlock& unlock);

Status seal_data_key(DataKey& key, std::string_view store_id, const Secret& root, const Secret& data,
                     Random& random);
// FAILED_PRECONDITION "master_rotated" when it is under another root key; DATA_LOSS "vault_damaged".
StatusOr<Secret> open_data_key(const DataKey& key, std::string_view store_id, const Secret& root);

// Fills record.secret; everything else of the record is bound to it.
Status seal_record(Record& record, std::string_view store_id, const Secret& data, const Secret& value,
                   Random& random);
// DATA_LOSS "record_damaged".
StatusOr<Secret> open_record(const Record& record, std::string_view store_id, const Secret& data);

crypto::Digest header_mac(std::string_view signed_part, std::string_view store_id, const Secret& root);

}  // namespace tau::credential

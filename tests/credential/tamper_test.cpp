// What an attacker with the file but without a key can do: make it unreadable, and nothing else.
#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <functional>

#include "credential/fixture.h"
#include "credential/keys.h"

namespace tau::credential {
namespace {

// A file taken apart, to be put together wrongly.
struct Parts {
  Header header;
  crypto::Digest mac = {};
  std::vector<std::string> records;

  // With a checksum that is right: what an attacker can compute.
  std::string join() const {
    std::string file = finish_header(encode_signed_part(header), mac);
    for (const std::string& record : records) file += record;
    return file;
  }
};

Parts take_apart(const std::string& file) {
  DecodedHeader decoded = *decode_header(file);
  Parts parts;
  std::memcpy(parts.mac.data(), decoded.mac.data(), parts.mac.size());
  size_t at = decoded.size;
  for (const TableEntry& entry : decoded.header.table) {
    parts.records.push_back(file.substr(at, entry.size));
    at += entry.size;
  }
  parts.header = std::move(decoded.header);
  return parts;
}

class TamperTest : public VaultFixture {
 protected:
  std::string file() const { return dir_.read("vault"); }
  void replace_file(const std::string& bytes) const {
    ASSERT_TRUE(os::write_private_file(path_, bytes).ok());
  }
};

TEST_F(TamperTest, AFileTakenApartAndJoinedIsTheSame) {
  const auto vault = create();
  ASSERT_TRUE(put(*vault, "a", "x").ok());
  EXPECT_EQ(take_apart(file()).join(), file());
}

TEST_F(TamperTest, EveryFlippedBitOfAVaultOf4KiBIsNoticed) {
  const auto vault = create();
  std::vector<std::string> ids;
  for (int i = 0; file().size() < 4096; ++i) {
    ids.push_back("secret/" + std::to_string(i));
    ASSERT_TRUE(put(*vault, ids.back(), "value " + ids.back()).ok());
  }
  const std::string whole = file();
  const Unlock key = unlock();
  const int fd = ::open(path_.c_str(), O_RDWR);
  ASSERT_GE(fd, 0);
  size_t refused = 0;
  size_t reported = 0;
  for (size_t bit = 0; bit < whole.size() * 8; ++bit) {
    const off_t at = static_cast<off_t>(bit / 8);
    const char flipped = static_cast<char>(whole[bit / 8] ^ (1 << bit % 8));
    ASSERT_EQ(::pwrite(fd, &flipped, 1, at), 1);
    const auto opened = Vault::open(options(), key);
    ASSERT_EQ(::pwrite(fd, &whole[bit / 8], 1, at), 1);
    if (!opened.ok()) {
      const std::string reason(opened.status().reason());
      EXPECT_TRUE(reason == "vault_damaged" || reason == "not_a_vault" || reason == "vault_format") << reason;
      ++refused;
      continue;
    }
    // One record is damaged, and said to be; it hides no other.
    ASSERT_EQ((*opened)->damaged().size(), 1u) << "bit " << bit;
    size_t lost = 0;
    for (const std::string& id : ids) {
      const std::string value = read(**opened, id);
      if (value != "value " + id) ++lost;
      ASSERT_TRUE(value == "value " + id || value == "!record_damaged") << value;
    }
    ASSERT_EQ(lost, 1u) << "bit " << bit;
    ++reported;
  }
  ::close(fd);
  EXPECT_EQ(refused + reported, whole.size() * 8);
  EXPECT_GE(whole.size(), 4096u);
  EXPECT_GT(refused, 8u * 500);
  EXPECT_GT(reported, 8u * 1000);
  EXPECT_TRUE(open_failure().empty()) << "the file is whole again";
  std::printf("%zu bits flipped: %zu vaults refused, %zu records reported\n", whole.size() * 8, refused,
              reported);
}

TEST_F(TamperTest, EveryTruncationAndAnExtensionIsNoticed) {
  const auto vault = create();
  for (const std::string id : {"a", "b", "c"}) ASSERT_TRUE(put(*vault, id, "value").ok());
  const std::string whole = file();
  for (size_t size = 0; size < whole.size(); ++size) {
    replace_file(whole.substr(0, size));
    const auto opened = Vault::open(options(), unlock());
    if (opened.ok()) { EXPECT_FALSE((*opened)->damaged().empty()) << size; }
  }
  replace_file(whole + "x");
  EXPECT_EQ(open_failure(), "vault_damaged");
}

TEST_F(TamperTest, SwappedRecordsAreRefused) {
  const auto vault = create();
  ASSERT_TRUE(put(*vault, "a", "value of a").ok());
  ASSERT_TRUE(put(*vault, "b", "value of b", "https://evil.example.com:443").ok());
  Parts parts = take_apart(file());
  std::swap(parts.records[0], parts.records[1]);
  replace_file(parts.join());
  const auto opened = open();
  EXPECT_EQ(opened->damaged().size(), 2u);
  EXPECT_EQ(read(*opened, "a"), "!record_damaged");
  std::swap(parts.header.table[0], parts.header.table[1]);  // the table follows
  replace_file(parts.join());
  EXPECT_EQ(open_failure(), "vault_damaged");
}

// With the header's key even, which nobody has: the record by itself says whose it is.
TEST_F(TamperTest, ARecordIsBoundToAllThatIsToldOfIt) {
  Random& random = system_random();
  const std::string store = random_bytes(random, kStoreIdBytes);
  const Secret key = random_key(random);
  Record record;
  record.name = {.id = "a"};
  record.origin = kOrigin;
  record.version = 3;
  record.epoch = 7;
  record.expires_ms = 9;
  ASSERT_TRUE(seal_record(record, store, key, Secret("value"), random).ok());
  ASSERT_TRUE(open_record(record, store, key).ok());
  const std::vector<std::function<void(Record&)>> forgeries = {
      [](Record& r) { r.name.id = "b"; },
      [](Record& r) { r.name.field = "other"; },
      [](Record& r) { r.origin = "https://evil.example.com:443"; },
      [](Record& r) { r.origin.clear(); },
      [](Record& r) { r.version = 4; },
      [](Record& r) { r.epoch = 8; },
      [](Record& r) { r.expires_ms = 0; },
      [](Record& r) { r.created_ms = 1; },
      [](Record& r) { r.key_id = 2; },
      [](Record& r) { r.state = RecordState::kPrevious; },
      [](Record& r) { r.secret.salt[0] ^= 1; },
      [](Record& r) { r.secret.commitment[0] ^= 1; },
      [](Record& r) { r.secret.ciphertext[0] ^= 1; },
  };
  for (size_t i = 0; i < forgeries.size(); ++i) {
    Record forged = record;
    forgeries[i](forged);
    EXPECT_EQ(open_record(forged, store, key).status().reason(), "record_damaged") << i;
  }
  EXPECT_FALSE(open_record(record, std::string(kStoreIdBytes, 'x'), key).ok());
  EXPECT_FALSE(open_record(record, store, Secret(std::string(kKeyBytes, 'x'))).ok());
}

TEST_F(TamperTest, AnOlderRecordIsRefused) {
  const auto vault = create();
  ASSERT_TRUE(put(*vault, "a", "older").ok());
  const Parts older = take_apart(file());
  ASSERT_TRUE(vault->rotate({.id = "a"}, Secret("newer"), 0).ok());
  Parts parts = take_apart(file());
  parts.records[0] = older.records[0];
  replace_file(parts.join());
  EXPECT_EQ(read(*open(), "a"), "!record_damaged");
  parts.header.table[0] = older.header.table[0];
  replace_file(parts.join());
  EXPECT_EQ(open_failure(), "vault_damaged");
}

TEST_F(TamperTest, ADamagedCurrentVersionDoesNotBringBackTheOneBefore) {
  const auto vault = create();
  ASSERT_TRUE(put(*vault, "a", "older").ok());
  ASSERT_TRUE(vault->rotate({.id = "a"}, Secret("newer"), 1'000'000).ok());
  Parts parts = take_apart(file());
  ASSERT_EQ(parts.records.size(), 2u);
  parts.records[1].back() = static_cast<char>(parts.records[1].back() ^ 1);
  replace_file(parts.join());
  const auto opened = open();
  EXPECT_EQ(read(*opened, "a"), "!record_damaged");
  EXPECT_TRUE(opened->get_version({.id = "a"}, 1, kOrigin)->equals(Secret("older")))
      << "asked for by its number";
}

TEST_F(TamperTest, DroppedAndAddedRecordsSlotsAndKeysAreRefused) {
  const auto vault = create();
  ASSERT_TRUE(put(*vault, "a", "x").ok());
  ASSERT_TRUE(put(*vault, "b", "x").ok());
  const Parts whole = take_apart(file());
  const std::vector<std::function<void(Parts&)>> forgeries = {
      [](Parts& p) { p.header.table.pop_back(), p.records.pop_back(); },
      [](Parts& p) { p.header.table.push_back(p.header.table[0]), p.records.push_back(p.records[0]); },
      [](Parts& p) { p.header.epoch += 1; },
      [](Parts& p) { p.header.slots.push_back(p.header.slots[0]); },
      [](Parts& p) { p.header.keys.push_back(p.header.keys[0]); },
      [](Parts& p) { p.header.current_key = 9; },
      [](Parts& p) { p.mac[0] ^= 1; },
      [](Parts& p) { p.header.keys[0].key.ciphertext[0] ^= 1; },
      [](Parts& p) { p.header.keys[0].key.commitment[0] ^= 1; },
      [](Parts& p) { p.header.slots[0].root.ciphertext[0] ^= 1; },
  };
  for (size_t i = 0; i < forgeries.size(); ++i) {
    Parts forged = whole;
    forgeries[i](forged);
    replace_file(forged.join());
    EXPECT_EQ(open_failure(), "vault_damaged") << i;
  }
  Parts other_store = whole;
  other_store.header.store_id[0] ^= 1;
  replace_file(other_store.join());
  EXPECT_EQ(open_failure(), "wrong_key")
      << "whoever forges the checksum too can have it look so, and no more";
}

TEST_F(TamperTest, ALaterOrEarlierFormatIsNamed) {
  create();
  std::string bytes = file();
  for (const char version : {'\0', '\2'}) {
    bytes[8] = version;
    replace_file(bytes);
    EXPECT_EQ(open_failure(), "vault_format");
  }
}

TEST_F(TamperTest, APasswordSlotCannotAskForTheMemoryOfTheMachine) {
  ASSERT_TRUE(Vault::create(options(), *passphrase_unlock(Secret("correct horse battery")),
                            crypto::kLeastPasswordCost)
                  .ok());
  Parts parts = take_apart(file());
  parts.header.slots[0].cost = {UINT32_MAX, UINT32_MAX};
  replace_file(parts.join());
  EXPECT_EQ(Vault::open(options(), *passphrase_unlock(Secret("correct horse battery"))).status().reason(),
            "invalid_cost");
}

// An anchor that the host keeps elsewhere.
class OutsideAnchor final : public EpochAnchor {
 public:
  StatusOr<uint64_t> last_seen(std::string_view) override { return epoch; }
  Status advance(std::string_view, uint64_t to) override {
    epoch = std::max(epoch, to);
    return ok_status();
  }
  uint64_t epoch = 0;
};

TEST_F(TamperTest, AnOlderCopyOfTheFileIsRefusedByAnAnchor) {
  FileAnchor anchor(dir_.file("epochs"));
  VaultOptions anchored = options();
  anchored.anchors = {&anchor};
  const auto vault = must(Vault::create(anchored, unlock()));
  ASSERT_TRUE(put(*vault, "a", "older").ok());
  const std::string older = file();
  const std::string older_epochs = dir_.read("epochs");
  ASSERT_TRUE(vault->rotate({.id = "a"}, Secret("newer"), 0).ok());
  const std::string newer = file();
  replace_file(older);
  EXPECT_EQ(Vault::open(anchored, unlock()).status().reason(), "vault_rolled_back");
  EXPECT_EQ(vault->refresh().reason(), "vault_rolled_back");
  EXPECT_EQ(put(*vault, "b", "x").reason(), "vault_rolled_back") << "nothing is written onto an older copy";
  EXPECT_EQ(read(*vault, "a"), "newer") << "what was read stays";
  // With the state rolled back as well nobody notices, but for an anchor elsewhere.
  OutsideAnchor outside;
  outside.epoch = vault->epoch();
  ASSERT_TRUE(os::write_private_file(dir_.file("epochs"), older_epochs).ok());
  EXPECT_TRUE(Vault::open(anchored, unlock()).ok());
  anchored.anchors = {&anchor, &outside};
  EXPECT_EQ(Vault::open(anchored, unlock()).status().reason(), "vault_rolled_back");
  replace_file(newer);
  EXPECT_TRUE(Vault::open(anchored, unlock()).ok());
}

TEST_F(TamperTest, ADamagedAnchorIsNoAbsentOne) {
  FileAnchor anchor(dir_.file("epochs"));
  VaultOptions anchored = options();
  anchored.anchors = {&anchor};
  must(Vault::create(anchored, unlock()));
  for (const std::string text : {"x", "x y\n", "00 12x\n", "00 1", "\n"}) {
    ASSERT_TRUE(os::write_private_file(dir_.file("epochs"), text).ok());
    EXPECT_EQ(Vault::open(anchored, unlock()).status().reason(), "anchor_damaged") << text;
  }
}

TEST_F(TamperTest, DamagedRecordsSurviveWritesUntilTheyAreDropped) {
  auto vault = create();
  for (const std::string id : {"a", "b", "c"}) ASSERT_TRUE(put(*vault, id, "value").ok());
  Parts parts = take_apart(file());
  const std::string good = parts.records[1];
  parts.records[1].back() = static_cast<char>(parts.records[1].back() ^ 1);
  replace_file(parts.join());
  vault = open();
  EXPECT_EQ(vault->damaged()[0].claimed_name, "secret://b");
  ASSERT_TRUE(put(*vault, "d", "value").ok());
  EXPECT_EQ(vault->rotate_data_key().reason(), "vault_has_damaged_records");
  vault = open();
  EXPECT_EQ(vault->damaged().size(), 1u);
  EXPECT_EQ(read(*vault, "d"), "value");
  Parts repaired = take_apart(file());
  ASSERT_EQ(repaired.records.size(), 4u);
  repaired.records[3] = good;  // from a backup
  replace_file(repaired.join());
  EXPECT_EQ(read(*open(), "b"), "value");
  replace_file(parts.join());
  vault = open();
  EXPECT_EQ(*vault->drop_damaged(), 1u);
  EXPECT_TRUE(vault->rotate_data_key().ok());
  EXPECT_EQ(read(*open(), "a"), "value");
}

// Writes once through another handle whenever it is asked: between the file that was read and its own answer.
class WritesMeanwhile final : public EpochAnchor {
 public:
  explicit WritesMeanwhile(std::string path) : inner_(std::move(path)) {}
  StatusOr<uint64_t> last_seen(std::string_view store_id) override {
    if (write) write();
    return inner_.last_seen(store_id);
  }
  Status advance(std::string_view store_id, uint64_t epoch) override {
    return inner_.advance(store_id, epoch);
  }
  std::function<void()> write;

 private:
  FileAnchor inner_;
};

TEST_F(TamperTest, AWriteBetweenTheFileAndTheAnchorIsNoRollback) {
  FileAnchor of_writer(dir_.file("epochs"));
  WritesMeanwhile of_reader(dir_.file("epochs"));
  VaultOptions writing = options();
  writing.anchors = {&of_writer};
  VaultOptions reading = options();
  reading.anchors = {&of_reader};
  const auto writer = must(Vault::create(writing, unlock()));
  ASSERT_NE(writer, nullptr);
  int writes = 0;
  of_reader.write = [&] { EXPECT_TRUE(put(*writer, "s" + std::to_string(writes++), "some value").ok()); };
  const auto reader = must(Vault::open(reading, unlock()));
  ASSERT_NE(reader, nullptr);
  of_reader.write();
  const Status refreshed = reader->refresh();
  EXPECT_TRUE(refreshed.ok()) << refreshed.to_string();
  EXPECT_GE(writes, 3);
}

}  // namespace
}  // namespace tau::credential

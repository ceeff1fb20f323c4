// The hash chain: no row can be changed, dropped or moved without notice.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <fstream>

#include "raw_database.h"
#include "store_fixture.h"

namespace tau::store {
namespace {

constexpr int64_t kRows = 6;

class StoreChain : public testing::Test {
 protected:
  void SetUp() override {
    auto store = open_store({.path = path()}, clock_);
    ASSERT_TRUE(store.ok());
    Batch batch;
    batch.run = run_record("run_1");
    for (int64_t i = 0; i < kRows; ++i) {
      batch.rows.push_back(row("run_1", i, i == 3 ? std::string(9000, 'L') : "body " + std::to_string(i)));
    }
    ASSERT_TRUE(append(**store, std::move(batch)).status.ok());
    ASSERT_TRUE((*store)->verify_chain("run_1").ok());
  }
  std::string path() const { return dir_.file("tau.db"); }
  Status verify() {
    auto store = open_store({.path = path(), .read_only = true}, clock_);
    EXPECT_TRUE(store.ok()) << store.status().to_string();
    return store.ok() ? (*store)->verify_chain("run_1") : store.status();
  }
  // Applies the change, expects to be found out, and undoes it.
  void expect_caught(const std::string& change, const std::string& names = "") {
    const std::string before = read_file(path());
    RawDatabase(path()).exec("PRAGMA journal_mode = DELETE;" + change);
    const Status status = verify();
    EXPECT_EQ(status.code(), Code::kDataLoss) << change;
    EXPECT_EQ(status.reason(), "chain_broken") << change;
    EXPECT_NE(status.message().find(names), std::string_view::npos) << status.to_string();
    std::ofstream(path(), std::ios::binary | std::ios::trunc)
        .write(before.data(), static_cast<std::streamsize>(before.size()));
  }

  TempDir dir_;
  FixedClock clock_;
};

TEST_F(StoreChain, AFlippedByteInAnyColumnOfAnyRowIsFound) {
  // x ^ 1 on the byte at position n of a value, in SQL: rebuilt around the changed byte.
  const std::vector<std::string> numbers = {"seq", "time_ms", "policy_epoch", "scanned_epoch"};
  const std::vector<std::string> texts = {"kind", "integrity", "readers", "principal"};
  const std::vector<std::string> digests = {"body_digest", "effects_digest", "chain"};
  for (int64_t i = 0; i < kRows; ++i) {
    const std::string where = " WHERE seq = " + std::to_string(i);
    for (const std::string& c : numbers)
      expect_caught("UPDATE journal SET " + c + " = " + c + " + 1000" + where);
    for (const std::string& c : texts) {
      expect_caught("UPDATE journal SET " + c + " = 'X' || substr(" + c + ", 2)" + where,
                    "row " + std::to_string(i));
      expect_caught("UPDATE journal SET " + c + " = " + c + " || 'X'" + where);
    }
    for (const std::string& c : digests) {
      for (const int at : {1, 16, 32}) {
        const std::string n = std::to_string(at);
        expect_caught("UPDATE journal SET " + c + " = CAST(substr(" + c + ", 1, " + n +
                      " - 1) || x'5a' || substr(" + c + ", " + n + " + 1) AS BLOB)" + where);
      }
    }
  }
}

TEST_F(StoreChain, AnyChangedByteOfABodyIsFound) {
  for (int64_t i = 0; i < kRows; ++i) {
    if (i == 3) continue;
    for (int at = 1; at <= 6; ++at) {
      const std::string n = std::to_string(at);
      expect_caught("UPDATE journal SET body = substr(body, 1, " + n + " - 1) || '~' || substr(body, " + n +
                        " + 1) WHERE seq = " + std::to_string(i),
                    "row " + std::to_string(i));
    }
  }
  expect_caught("UPDATE blobs SET bytes = CAST(x'00' || substr(bytes, 2) AS BLOB)", "row 3");
  expect_caught("UPDATE journal SET blob = NULL, body = 'short' WHERE seq = 3", "row 3");
  expect_caught("DELETE FROM blobs", "row 3");
}

TEST_F(StoreChain, MissingAndSwappedRowsAreFound) {
  expect_caught("DELETE FROM journal WHERE seq = 0", "row 0");
  expect_caught("DELETE FROM journal WHERE seq = 2", "row 2");
  expect_caught("DELETE FROM journal WHERE seq = 5", "row 5");  // the last: the run record knows it existed
  expect_caught("DELETE FROM journal", "row 0");
  expect_caught(
      "UPDATE journal SET seq = 100 WHERE seq = 1; UPDATE journal SET seq = 1 WHERE seq = 2;"
      "UPDATE journal SET seq = 2 WHERE seq = 100");
  expect_caught("UPDATE runs SET next_seq = 7");
  expect_caught("UPDATE runs SET chain = zeroblob(32)");
}

TEST_F(StoreChain, AnErasedBodyLeavesTheChainWhole) {
  RawDatabase(path()).exec("UPDATE journal SET body = NULL, blob = NULL");
  EXPECT_TRUE(verify().ok());
}

// Every field that the chain covers moves the link, also when only the border between two fields moves.
RC_GTEST_PROP(ChainLink, DiffersWheneverACoveredFieldDiffers,
              (const std::string& text, uint8_t field, int64_t delta)) {
  RC_PRE(!text.empty());
  RC_PRE(delta != 0);
  JournalRow a = row("run_1", 5, "body");
  JournalRow b = a;
  switch (field % 9) {
    case 0: b.body += text; break;
    case 1: b.kind = b.kind.str() + text; break;
    case 2: b.effects_digest += text; break;
    case 3: b.provenance.integrity = b.provenance.integrity.str() + text; break;
    case 4: b.provenance.readers = b.provenance.readers.str() + text; break;
    case 5: b.provenance.principal = b.provenance.principal.str() + text; break;
    case 6: b.seq ^= delta; break;
    case 7: b.time_ms ^= delta; break;
    default: b.provenance.policy_epoch ^= delta; break;
  }
  RC_ASSERT(chain_link("", a) != chain_link("", b));
  b = a;
  b.provenance.readers = text;
  a.provenance.readers = "";
  a.provenance.integrity = a.provenance.integrity.str() + text;
  RC_ASSERT(chain_link("", a) != chain_link("", b));
}

TEST(ChainLinkTest, DependsOnWhatCameBefore) {
  const JournalRow r = row("run_1", 0, "body");
  const std::string first = chain_link("", r);
  EXPECT_EQ(first.size(), 64u);
  EXPECT_NE(chain_link(first, r), first);
  EXPECT_EQ(chain_link("", r), first);
}

}  // namespace
}  // namespace tau::store

// The contract of store.h, held against every implementation.
#include <gtest/gtest.h>

#include "crypto/crypto.h"
#include "store_fixture.h"

namespace tau::store {
namespace {

class StoreContract : public EitherStore {
 protected:
  void start_run(std::string_view id, std::string_view session = "ses_a") {
    Batch batch;
    batch.run = run_record(id, session);
    ASSERT_TRUE(append(*store_, std::move(batch)).status.ok());
  }
  Answer append_row(JournalRow r) {
    Batch batch;
    batch.rows.push_back(std::move(r));
    return append(*store_, std::move(batch));
  }
};

TEST_P(StoreContract, ARowIsReadBackAsItWasAppended) {
  start_run("run_1");
  JournalRow written = row("run_1", 0, "{\"text\":\"h\xC3\xA9llo\"}");
  ASSERT_TRUE(append_row(written).status.ok());
  reopen();
  const auto journal = store_->load_journal("run_1", 0);
  ASSERT_TRUE(journal.ok());
  ASSERT_EQ(journal->size(), 1u);
  const JournalEntry& read = journal->front();
  EXPECT_EQ(read.row.run_id, written.run_id);
  EXPECT_EQ(read.row.seq, 0);
  EXPECT_EQ(read.row.kind, written.kind);
  EXPECT_EQ(read.row.body, written.body);
  EXPECT_EQ(read.row.effects_digest, written.effects_digest);
  EXPECT_EQ(read.row.time_ms, written.time_ms);
  EXPECT_EQ(read.row.provenance.integrity, written.provenance.integrity);
  EXPECT_EQ(read.row.provenance.readers, "*");
  EXPECT_EQ(read.row.provenance.principal, "local");
  EXPECT_EQ(read.row.provenance.policy_epoch, 3);
  EXPECT_EQ(read.row.provenance.scanned_epoch, 7);
  EXPECT_FALSE(read.purged);
  EXPECT_EQ(read.chain, chain_link("", written));
}

TEST_P(StoreContract, BodiesOfAnySizeAndContentSurvive) {
  start_run("run_1");
  std::vector<std::string> written = {"",
                                      std::string(8192, 'x'),
                                      std::string(8193, 'y'),
                                      std::string(300'000, 'z'),
                                      std::string(8193, 'y'),
                                      std::string("nul\0inside", 10)};
  for (size_t i = 0; i < written.size(); ++i) {
    ASSERT_TRUE(append_row(row("run_1", static_cast<int64_t>(i), written[i])).status.ok());
  }
  reopen();
  EXPECT_EQ(bodies(store_->load_journal("run_1", 0)), written);
  EXPECT_TRUE(store_->verify_chain("run_1").ok());
}

TEST_P(StoreContract, EffectsDigestsThatAreNoHexAreKeptAsText) {
  start_run("run_1");
  const std::vector<std::string> digests = {"", "short", std::string(64, 'Z'), std::string(64, '0'),
                                            std::string(32, 'b')};
  for (size_t i = 0; i < digests.size(); ++i) {
    JournalRow r = row("run_1", static_cast<int64_t>(i), "b");
    r.effects_digest = digests[i];
    ASSERT_TRUE(append_row(std::move(r)).status.ok());
  }
  const auto journal = store_->load_journal("run_1", 0);
  ASSERT_TRUE(journal.ok());
  for (size_t i = 0; i < digests.size(); ++i) EXPECT_EQ((*journal)[i].row.effects_digest, digests[i]);
  EXPECT_TRUE(store_->verify_chain("run_1").ok());
}

TEST_P(StoreContract, PositionsGrowAndTheAnswerNamesTheLastRow) {
  start_run("run_1");
  Batch batch;
  for (int64_t i = 0; i < 3; ++i) batch.rows.push_back(row("run_1", i, "b"));
  const Answer first = append(*store_, std::move(batch));
  const Answer second = append_row(row("run_1", 3, "b"));
  ASSERT_TRUE(first.status.ok());
  EXPECT_EQ(second.lsn, first.lsn + 1);
  const auto journal = store_->load_journal("run_1", 2);
  ASSERT_EQ(journal->size(), 2u);
  EXPECT_EQ(journal->front().lsn, first.lsn);
  EXPECT_EQ(journal->back().lsn, second.lsn);
}

TEST_P(StoreContract, TheChainOfARunIsThatOfItsLinks) {
  start_run("run_1");
  start_run("run_2");
  std::string head;
  for (int64_t i = 0; i < 5; ++i) {
    const JournalRow r = row("run_1", i, "body " + std::to_string(i));
    head = chain_link(head, r);
    ASSERT_TRUE(append_row(r).status.ok());
    ASSERT_TRUE(append_row(row("run_2", i, "other")).status.ok());
    if (i == 2) reopen();
  }
  EXPECT_EQ(store_->load_run("run_1")->chain_head, head);
  EXPECT_NE(store_->load_run("run_2")->chain_head, head);
  EXPECT_TRUE(store_->verify_chain("run_1").ok());
}

TEST_P(StoreContract, AGapOrARepetitionIsRefusedAndChangesNothing) {
  start_run("run_1");
  ASSERT_TRUE(append_row(row("run_1", 0, "zero")).status.ok());
  for (const int64_t seq : {0, 2, -1}) {
    const Answer answer = append_row(row("run_1", seq, "bad"));
    EXPECT_EQ(answer.status.code(), Code::kFailedPrecondition);
    EXPECT_EQ(answer.status.reason(), "wrong_seq");
  }
  EXPECT_TRUE(append_row(row("run_1", 1, "one")).status.ok());
  EXPECT_EQ(bodies(store_->load_journal("run_1", 0)), (std::vector<std::string>{"zero", "one"}));
  EXPECT_TRUE(store_->verify_chain("run_1").ok());
}

TEST_P(StoreContract, ABatchThatFailsInItsLastPartLeavesNoTrace) {
  start_run("run_1");
  Batch batch;
  batch.run = run_record("run_new");
  batch.rows = {row("run_1", 0, "a"), row("run_new", 0, "b")};
  batch.entries = {entry("e1", "", "ses_a", "run_1", 0)};
  batch.session = session_record("ses_a");
  batch.session->head_entry = "nowhere";
  const Answer answer = append(*store_, std::move(batch));
  EXPECT_EQ(answer.status.reason(), "no_such_entry");
  EXPECT_EQ(answer.lsn, 0);
  EXPECT_TRUE(bodies(store_->load_journal("run_1", 0)).empty());
  EXPECT_EQ(store_->load_run("run_new").status().reason(), "no_such_run");
  EXPECT_EQ(store_->load_session("ses_a").status().reason(), "no_such_session");
  EXPECT_EQ(store_->load_lineage("e1").status().reason(), "no_such_entry");
  EXPECT_TRUE(append_row(row("run_1", 0, "again")).status.ok());
  EXPECT_TRUE(store_->verify_chain("run_1").ok());
}

TEST_P(StoreContract, ARowNeedsItsRunAndAnEntryItsRow) {
  EXPECT_EQ(append_row(row("run_x", 0, "b")).status.reason(), "no_such_run");
  start_run("run_1");
  Batch no_row;
  no_row.entries = {entry("e1", "", "ses_a", "run_1", 0)};
  EXPECT_EQ(append(*store_, std::move(no_row)).status.reason(), "no_such_row");
  Batch no_parent;
  no_parent.rows = {row("run_1", 0, "b")};
  no_parent.entries = {entry("e1", "e0", "ses_a", "run_1", 0)};
  EXPECT_EQ(append(*store_, std::move(no_parent)).status.reason(), "no_such_entry");
  Batch no_session;
  no_session.rows = {row("run_1", 0, "b")};
  no_session.entries = {entry("e1", "", "", "run_1", 0)};
  EXPECT_EQ(append(*store_, std::move(no_session)).status.reason(), "invalid_entry");
  Batch twice;
  twice.rows = {row("run_1", 0, "b"), row("run_1", 1, "c")};
  twice.entries = {entry("e1", "", "ses_a", "run_1", 0), entry("e1", "", "ses_a", "run_1", 1)};
  EXPECT_EQ(append(*store_, std::move(twice)).status.code(), Code::kAlreadyExists);
}

TEST_P(StoreContract, ABatchThatIsTakenOverIsEmptyWhetherItWasRefusedOrNot) {
  for (const bool good : {true, false}) {
    Batch batch;
    if (good) batch.run = run_record("run_1", "ses_a");
    batch.session = session_record("ses_a");
    batch.rows = {row(good ? "run_1" : "run_2", 0, "b")};
    batch.entries = {entry("e1", "", "ses_a", good ? "run_1" : "run_2", 0)};
    std::promise<bool> answer;
    store_->append(std::move(batch), [&](const Status& status, Lsn) { answer.set_value(status.ok()); });
    EXPECT_TRUE(batch.rows.empty() && batch.entries.empty());
    EXPECT_FALSE(batch.run.has_value() || batch.session.has_value() || batch.fence.has_value());
    EXPECT_EQ(answer.get_future().get(), good);
  }
}

TEST_P(StoreContract, AWriteIsAnAppendThatWaits) {
  fill_session(*store_, "ses_a", 1);
  Batch appended;
  appended.rows = {row("run_ses_a", 1, "appended")};
  store_->append(std::move(appended), nullptr);
  Batch batch;
  batch.rows = {row("run_ses_a", 2, "written")};
  EXPECT_TRUE(store_->write(std::move(batch)).ok());
  EXPECT_TRUE(batch.rows.empty());  // NOLINT: it was taken over
  EXPECT_EQ(bodies(store_->load_journal("run_ses_a", 1)), (std::vector<std::string>{"appended", "written"}));
  batch.rows = {row("run_ses_a", 9, "a gap")};
  EXPECT_EQ(store_->write(std::move(batch)).reason(), "wrong_seq");
  batch.rows = {row("run_ses_a", 3, "goes on")};
  EXPECT_TRUE(store_->write(std::move(batch)).ok());
  EXPECT_TRUE(store_->verify_chain("run_ses_a").ok());
}

TEST_P(StoreContract, TheSameEntryAgainChangesNothing) {
  Batch once;
  once.run = run_record("run_1", "ses_a");
  once.session = session_record("ses_a");
  once.rows = {row("run_1", 0, "b")};
  once.entries = {entry("e1", "", "ses_a", "run_1", 0)};
  ASSERT_TRUE(append(*store_, once).status.ok());
  Batch again;
  again.entries = once.entries;
  EXPECT_TRUE(append(*store_, std::move(again)).status.ok());
  EXPECT_EQ(store_->load_lineage("e1")->size(), 1u);
}

TEST_P(StoreContract, ARunRecordIsInsertedOnceAndThenUpdated) {
  start_run("run_1", "ses_a");
  RunRecord update = run_record("run_1", "ses_other");
  update.state = RunState::kDone;
  update.outcome_json = "{\"ok\":true}";
  update.snapshot_json = "{\"s\":1}";
  update.snapshot_seq = 4;
  update.updated_ms = 99;
  update.created_ms = 77;
  update.options_json = "changed";
  update.provenance = {
      .integrity = "web", .readers = "alice", .principal = "bob", .policy_epoch = 5, .scanned_epoch = 6};
  Batch batch;
  batch.run = update;
  ASSERT_TRUE(append(*store_, std::move(batch)).status.ok());
  reopen();
  const auto run = store_->load_run("run_1");
  ASSERT_TRUE(run.ok());
  EXPECT_EQ(run->session_id, "ses_a");
  EXPECT_EQ(run->state, RunState::kDone);
  EXPECT_EQ(run->outcome_json, update.outcome_json);
  EXPECT_EQ(run->snapshot_json, update.snapshot_json);
  EXPECT_EQ(run->snapshot_seq, 4);
  EXPECT_EQ(run->created_ms, 10);
  EXPECT_EQ(run->updated_ms, 99);
  EXPECT_EQ(run->options_json, "{}");
  EXPECT_EQ(run->chain_head, "");
  EXPECT_EQ(run->provenance.integrity, "web");
  EXPECT_EQ(run->provenance.readers, "alice");
  EXPECT_EQ(run->provenance.principal, "bob");
  ASSERT_EQ(store_->list_runs("ses_a")->size(), 1u);
  EXPECT_TRUE(store_->list_runs("ses_other")->empty());
}

TEST_P(StoreContract, ARunThatEndedCanStillGrow) {
  start_run("run_1");
  Batch batch;
  batch.rows = {row("run_1", 0, "zero")};
  batch.run = run_record("run_1");
  batch.run->state = RunState::kDone;
  ASSERT_TRUE(append(*store_, std::move(batch)).status.ok());
  ASSERT_TRUE(append_row(row("run_1", 1, "one")).status.ok());
  EXPECT_TRUE(store_->verify_chain("run_1").ok());
}

TEST_P(StoreContract, SessionsAreListedNewestFirstAndPaged) {
  for (int i = 0; i < 7; ++i) {
    Batch batch;
    batch.session = session_record("ses_" + std::to_string(i), 1000 + i / 2);  // some of the same age
    ASSERT_TRUE(append(*store_, std::move(batch)).status.ok());
  }
  std::vector<std::string> seen;
  std::string after;
  for (;;) {
    const auto page = store_->list_sessions(3, after);
    ASSERT_TRUE(page.ok());
    if (page->empty()) break;
    EXPECT_LE(page->size(), 3u);
    for (const SessionRecord& s : *page) seen.push_back(s.id.str());
    after = seen.back();
  }
  EXPECT_EQ(seen, (std::vector<std::string>{"ses_6", "ses_5", "ses_4", "ses_3", "ses_2", "ses_1", "ses_0"}));
  EXPECT_EQ(store_->list_sessions(3, "nobody").status().reason(), "no_such_session");
}

TEST_P(StoreContract, ASessionUpdateKeepsItsOriginAndAge) {
  Batch batch;
  batch.session = session_record("ses_a", 1000);
  batch.session->parent_session = "ses_p";
  ASSERT_TRUE(append(*store_, std::move(batch)).status.ok());
  Batch second;
  second.session = session_record("ses_a", 5000);
  second.session->title = "renamed";
  second.session->model = "m";
  second.session->workspace = "w";
  second.session->turns = 2;
  second.session->input_tokens = 3;
  second.session->output_tokens = 4;
  second.session->cost_usd_micros = 5;
  second.session->open_run = "run_9";
  ASSERT_TRUE(append(*store_, std::move(second)).status.ok());
  reopen();
  const auto s = store_->load_session("ses_a");
  ASSERT_TRUE(s.ok());
  EXPECT_EQ(s->created_ms, 1000);
  EXPECT_EQ(s->parent_session, "ses_p");
  EXPECT_EQ(s->updated_ms, 5000);
  EXPECT_EQ(s->title, "renamed");
  EXPECT_EQ(s->model, "m");
  EXPECT_EQ(s->workspace, "w");
  EXPECT_EQ(s->turns, 2);
  EXPECT_EQ(s->input_tokens, 3);
  EXPECT_EQ(s->output_tokens, 4);
  EXPECT_EQ(s->cost_usd_micros, 5);
  EXPECT_EQ(s->open_run, "run_9");
}

TEST_P(StoreContract, ALineageIsThePathToTheEntryOldestFirst) {
  fill_session(*store_, "ses_a", 4);
  Batch branch;  // a second child of entry 1
  branch.rows = {row("run_ses_a", 4, "branch")};
  branch.entries = {entry("ses_a.b", "ses_a.1", "ses_a", "run_ses_a", 4)};
  ASSERT_TRUE(append(*store_, std::move(branch)).status.ok());
  reopen();
  EXPECT_EQ(bodies(store_->load_lineage("ses_a.3")),
            (std::vector<std::string>{"body 0", "body 1", "body 2", "body 3"}));
  const auto line = store_->load_lineage("ses_a.b");
  EXPECT_EQ(bodies(line), (std::vector<std::string>{"body 0", "body 1", "branch"}));
  EXPECT_EQ(line->back().entry_id, "ses_a.b");
  EXPECT_EQ(line->front().entry_id, "ses_a.0");
  EXPECT_TRUE(store_->load_lineage("")->empty());
  EXPECT_EQ(store_->load_lineage("nothing").status().reason(), "no_such_entry");
}

TEST_P(StoreContract, AForkSharesTheRowsUpToItsEntry) {
  fill_session(*store_, "ses_a", 3);
  ASSERT_TRUE(store_->fork_session("ses_a", "ses_a.1", session_record("ses_f")).ok());
  ASSERT_TRUE(store_->fork_session("ses_a", "", session_record("ses_g")).ok());
  EXPECT_EQ(store_->load_session("ses_f")->parent_session, "ses_a");
  EXPECT_EQ(store_->load_session("ses_f")->head_entry, "ses_a.1");
  EXPECT_EQ(store_->load_session("ses_g")->head_entry, "ses_a.2");
  EXPECT_EQ(store_->fork_session("ses_a", "", session_record("ses_f")).reason(), "session_exists");
  EXPECT_EQ(store_->fork_session("none", "", session_record("ses_h")).reason(), "no_such_session");
  EXPECT_EQ(store_->fork_session("ses_f", "ses_a.2", session_record("ses_h")).reason(), "no_such_entry");
  EXPECT_EQ(store_->fork_session("ses_a", "none", session_record("ses_h")).reason(), "no_such_entry");
}

TEST_P(StoreContract, RemovalErasesBodiesAndLeavesAVerifiableChain) {
  fill_session(*store_, "ses_a", 3);
  fill_session(*store_, "ses_b", 2, "other ");
  ASSERT_TRUE(store_->remove_session("ses_a").ok());
  EXPECT_EQ(store_->load_session("ses_a").status().reason(), "no_such_session");
  EXPECT_EQ(store_->load_lineage("ses_a.2").status().reason(), "no_such_entry");
  const auto journal = store_->load_journal("run_ses_a", 0);
  ASSERT_TRUE(journal.ok());
  for (const JournalEntry& e : *journal) {
    EXPECT_TRUE(e.purged);
    EXPECT_EQ(e.row.body, "");
  }
  EXPECT_TRUE(store_->verify_chain("run_ses_a").ok());
  EXPECT_EQ(store_->load_run("run_ses_a")->options_json, "");
  EXPECT_EQ(bodies(store_->load_lineage("ses_b.1")), (std::vector<std::string>{"other 0", "other 1"}));
  EXPECT_EQ(store_->remove_session("ses_a").reason(), "no_such_session");
}

TEST_P(StoreContract, WhatAForkSharesOutlivesTheOriginalAndGoesWithTheFork) {
  fill_session(*store_, "ses_a", 4);
  ASSERT_TRUE(store_->fork_session("ses_a", "ses_a.1", session_record("ses_f")).ok());
  Batch grow;
  grow.run = run_record("run_f", "ses_f");
  grow.rows = {row("run_f", 0, "forked")};
  grow.entries = {entry("ses_f.0", "ses_a.1", "ses_f", "run_f", 0)};
  grow.session = session_record("ses_f");
  grow.session->head_entry = "ses_f.0";
  ASSERT_TRUE(append(*store_, std::move(grow)).status.ok());

  ASSERT_TRUE(store_->remove_session("ses_a").ok());
  EXPECT_EQ(bodies(store_->load_lineage("ses_f.0")),
            (std::vector<std::string>{"body 0", "body 1", "forked"}));
  EXPECT_EQ(bodies(store_->load_journal("run_ses_a", 0)),
            (std::vector<std::string>{"body 0", "body 1", "", ""}));

  ASSERT_TRUE(store_->remove_session("ses_f").ok());
  EXPECT_EQ(bodies(store_->load_journal("run_ses_a", 0)), (std::vector<std::string>{"", "", "", ""}));
  EXPECT_EQ(bodies(store_->load_journal("run_f", 0)), (std::vector<std::string>{""}));
  EXPECT_TRUE(store_->verify_chain("run_ses_a").ok());
}

TEST_P(StoreContract, RemovingAForkLeavesTheOriginal) {
  fill_session(*store_, "ses_a", 3);
  ASSERT_TRUE(store_->fork_session("ses_a", "ses_a.1", session_record("ses_f")).ok());
  ASSERT_TRUE(store_->remove_session("ses_f").ok());
  EXPECT_EQ(bodies(store_->load_lineage("ses_a.2")),
            (std::vector<std::string>{"body 0", "body 1", "body 2"}));
}

TEST_P(StoreContract, ABlobSharedByTwoSessionsGoesWithTheLast) {
  const std::string big(20'000, 'q');
  fill_session(*store_, "ses_a", 1, big);
  fill_session(*store_, "ses_b", 1, big);
  ASSERT_TRUE(store_->remove_session("ses_a").ok());
  EXPECT_EQ(bodies(store_->load_lineage("ses_b.0")), (std::vector<std::string>{big + "0"}));
  ASSERT_TRUE(store_->remove_session("ses_b").ok());
  EXPECT_TRUE(store_->load_journal("run_ses_b", 0)->front().purged);
}

TEST_P(StoreContract, ALeaseIsExclusiveUntilReleasedAndItsEpochGrows) {
  const auto first = store_->acquire("session:a");
  ASSERT_TRUE(first.ok());
  const auto second = store_->acquire("session:a");
  EXPECT_EQ(second.status().code(), Code::kUnavailable);
  EXPECT_EQ(second.status().reason(), "session_busy");
  EXPECT_TRUE(store_->acquire("session:b").ok());
  ASSERT_TRUE(store_->release(*first).ok());
  EXPECT_EQ(store_->release(*first).reason(), "lease_lost");
  const auto third = store_->acquire("session:a");
  ASSERT_TRUE(third.ok());
  EXPECT_GT(third->epoch, first->epoch);
}

TEST_P(StoreContract, AnAppendWithALostLeaseChangesNothing) {
  start_run("run_1");
  const auto lease = store_->acquire("session:a");
  ASSERT_TRUE(lease.ok());
  Batch good;
  good.fence = *lease;
  good.rows = {row("run_1", 0, "good")};
  EXPECT_TRUE(append(*store_, good).status.ok());
  ASSERT_TRUE(store_->release(*lease).ok());
  Batch stale;
  stale.fence = *lease;
  stale.rows = {row("run_1", 1, "stale")};
  EXPECT_EQ(append(*store_, stale).status.reason(), "lease_lost");
  ASSERT_TRUE(store_->acquire("session:a").ok());
  const Answer answer = append(*store_, stale);
  EXPECT_EQ(answer.status.code(), Code::kAborted);
  EXPECT_EQ(answer.status.reason(), "lease_lost");
  EXPECT_EQ(bodies(store_->load_journal("run_1", 0)), (std::vector<std::string>{"good"}));
}

TEST_P(StoreContract, UnknownRunsAreNotFound) {
  EXPECT_EQ(store_->load_run("x").status().reason(), "no_such_run");
  EXPECT_EQ(store_->load_journal("x", 0).status().reason(), "no_such_run");
  EXPECT_EQ(store_->verify_chain("x").reason(), "no_such_run");
}

INSTANTIATE_TEST_SUITE_P(Stores, StoreContract, testing::Values(true, false),
                         [](const auto& info) { return info.param ? "Sqlite" : "Memory"; });

TEST(MemoryStoreTest, ForgetsTheLeaseAndTheRunsOfASessionThatWasNeverRecorded) {
  FixedClock clock;
  const auto store = make_memory_store(clock);
  ASSERT_TRUE(store->acquire("session:ses_a").ok());
  Batch batch;
  batch.run = run_record("run_1", "ses_a");
  batch.rows.push_back(row("run_1", 0, "{}"));
  ASSERT_TRUE(append(*store, std::move(batch)).status.ok());
  store->forget("ses_a");
  EXPECT_EQ(store->load_run("run_1").status().reason(), "no_such_run");
  const auto again = store->acquire("session:ses_a");
  ASSERT_TRUE(again.ok()) << again.status().to_string();
  EXPECT_EQ(again->epoch, 1);
}

}  // namespace
}  // namespace tau::store

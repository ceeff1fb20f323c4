#include "store_fixture.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

namespace tau::store {

Answer append(Store& store, Batch batch) {
  std::promise<Answer> answer;
  std::future<Answer> future = answer.get_future();
  store.append(std::move(batch), [&](Status status, Lsn lsn) { answer.set_value({std::move(status), lsn}); });
  return future.get();
}

RunRecord run_record(std::string_view id, std::string_view session) {
  RunRecord run;
  run.id = std::string(id);
  run.session_id = std::string(session);
  run.logic_version = 1;
  run.created_ms = 10;
  run.updated_ms = 10;
  run.options_json = "{}";
  return run;
}

SessionRecord session_record(std::string_view id, int64_t created_ms) {
  SessionRecord session;
  session.id = std::string(id);
  session.title = "a title";
  session.created_ms = created_ms;
  session.updated_ms = created_ms;
  return session;
}

JournalRow row(std::string_view run, int64_t seq, std::string_view body) {
  JournalRow out;
  out.run_id = std::string(run);
  out.seq = seq;
  out.kind = "tool_done";
  out.body = std::string(body);
  out.effects_digest = std::string(64, 'a');
  out.time_ms = 1'700'000'000'000 + seq;
  out.provenance = {.integrity = "user,tool:read",
                    .readers = "*",
                    .principal = "local",
                    .policy_epoch = 3,
                    .scanned_epoch = 7};
  return out;
}

EntryRow entry(std::string_view id, std::string_view parent, std::string_view session, std::string_view run,
               int64_t seq) {
  return {.id = std::string(id),
          .parent = std::string(parent),
          .session_id = std::string(session),
          .run_id = std::string(run),
          .seq = seq};
}

std::vector<std::string> bodies(const StatusOr<std::vector<JournalEntry>>& entries) {
  EXPECT_TRUE(entries.ok()) << entries.status().to_string();
  std::vector<std::string> out;
  if (!entries.ok()) return out;
  for (const JournalEntry& e : *entries) out.push_back(e.row.body);
  return out;
}

void fill_session(Store& store, std::string_view id, int64_t count, std::string_view prefix) {
  const std::string session(id);
  const std::string run = "run_" + session;
  Batch batch;
  batch.run = run_record(run, session);
  batch.session = session_record(session);
  std::string parent;
  for (int64_t i = 0; i < count; ++i) {
    batch.rows.push_back(row(run, i, std::string(prefix) + std::to_string(i)));
    const std::string name = session + "." + std::to_string(i);
    batch.entries.push_back(entry(name, parent, session, run, i));
    parent = name;
  }
  batch.session->head_entry = parent;
  const Answer answer = append(store, std::move(batch));
  ASSERT_TRUE(answer.status.ok()) << answer.status.to_string();
}

std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

bool directory_holds(const std::string& directory, std::string_view text) {
  for (const auto& file : std::filesystem::directory_iterator(directory)) {
    if (read_file(file.path()).find(text) != std::string::npos) return true;
  }
  return false;
}

}  // namespace tau::store

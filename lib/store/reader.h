// The queries of the read side: rows of the schema to the structs of store.h.
#pragma once

#include <string_view>
#include <vector>

#include "store/sqlite.h"
#include "store/store.h"

namespace tau::store {

StatusOr<std::vector<SessionRecord>> read_sessions(Connection& db, size_t limit, std::string_view after_id);
StatusOr<SessionRecord> read_session(Connection& db, std::string_view id);
StatusOr<std::vector<JournalEntry>> read_lineage(Connection& db, std::string_view entry);
StatusOr<RunRecord> read_run(Connection& db, std::string_view id);
StatusOr<std::vector<RunRecord>> read_runs(Connection& db, std::string_view session_id);
StatusOr<std::vector<JournalEntry>> read_journal(Connection& db, std::string_view run_id, int64_t from_seq);
Status verify_run_chain(Connection& db, std::string_view run_id);

}  // namespace tau::store

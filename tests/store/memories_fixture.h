// What the tests of memories share: rows to put, edits that wait for their answer, visits that are kept.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "store_fixture.h"

namespace tau::store {

inline MemoryScope scope_of(std::string_view workspace, std::string_view channel = "",
                            std::string_view actor = "") {
  return {.workspace = workspace, .channel = channel, .actor = actor};
}

inline MemoryRow memory(std::string_view id, std::string_view text,
                        const MemoryScope& scope = scope_of("w")) {
  MemoryRow row;
  row.scope = scope;
  row.id = id;
  row.importance = .5;
  row.text = text;
  row.time_ms = 1000;
  row.created_ms = 2000;
  row.updated_ms = 2000;
  row.provenance = {.integrity = "user", .principal = "local"};
  return row;
}

struct Edited {
  Status status;
  MemoryOutcome outcome;
};

// Each waits.
inline Edited edit(Store& store, decltype(MemoryEdit::what) what) {
  Edited out;
  Batch batch;
  batch.memories.push_back({.what = std::move(what), .outcome = &out.outcome});
  out.status = store.write(std::move(batch));
  return out;
}
inline Edited put(Store& store, MemoryRow row) { return edit(store, MemoryPut{.row = std::move(row)}); }
inline Edited put_fact(Store& store, MemoryRow row, uint8_t relation = 1) {
  return edit(store, MemoryPut{.row = std::move(row), .supersedes_with = relation});
}
inline Edited forget(Store& store, std::string_view id, int64_t at_ms = 5000,
                     const MemoryScope& scope = scope_of("w")) {
  return edit(store, MemoryForget{.ref = {scope, std::string(id)}, .at_ms = at_ms});
}
inline Edited relate(Store& store, std::string_view source, std::string_view target, double weight = 1,
                     uint8_t relation = 0) {
  return edit(store, MemoryRelate{.source = {scope_of("w"), std::string(source)},
                                  .target = {scope_of("w"), std::string(target)},
                                  .relation = relation,
                                  .weight = weight,
                                  .at_ms = 7});
}

inline MemoryFilter everything(std::string_view workspace = "w") {
  MemoryFilter filter;
  filter.workspace = workspace;
  return filter;
}

inline std::vector<std::string> ids(const StatusOr<std::vector<MemoryRow>>& rows) {
  EXPECT_TRUE(rows.ok()) << rows.status().to_string();
  std::vector<std::string> out;
  if (!rows.ok()) return out;
  for (const MemoryRow& row : *rows) out.push_back(row.id);
  return out;
}

// Keeps what it is shown: "id@change", "-row@change" for what was purged.
struct Seen final : MemoryVisitor {
  bool changed(const MemoryRow& row, std::string_view vector) override {
    rows.push_back(row);
    vectors.emplace_back(vector);
    last = row.change;
    order.push_back(row.change);
    return rows.size() < most;
  }
  bool purged(int64_t row, int64_t change) override {
    gone.push_back(row);
    order.push_back(change);
    last = change;
    return true;
  }
  std::vector<std::string> names() const {
    std::vector<std::string> out;
    for (const MemoryRow& row : rows) out.push_back(row.id);
    return out;
  }
  std::vector<MemoryRow> rows;
  std::vector<std::string> vectors;
  std::vector<int64_t> gone;
  std::vector<int64_t> order;
  int64_t last = 0;
  size_t most = SIZE_MAX;
};

// The key of the only scope of a workspace.
inline int64_t only_scope(Store& store, std::string_view workspace = "w") {
  const auto scopes = store.memories()->scopes(everything(workspace));
  EXPECT_TRUE(scopes.ok() && scopes->size() == 1);
  return scopes.ok() && scopes->size() == 1 ? scopes->front().key : 0;
}

inline Seen visit(Store& store, int64_t scope, int64_t after = 0, int64_t space = 0) {
  Seen seen;
  const Status status = store.memories()->visit_changes(scope, after, space, seen);
  EXPECT_TRUE(status.ok()) << status.to_string();
  return seen;
}

}  // namespace tau::store

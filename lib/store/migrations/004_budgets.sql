-- What processes may spend of caps. lent: all that was ever lent and not given back, in micro-dollars; what was
-- spent is at most that.
CREATE TABLE budgets(
  scope TEXT PRIMARY KEY,
  lent INTEGER NOT NULL,
  changed_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Blocks that are out. A row whose process died stays: its block is lost, and its id is never used again, so
-- that nobody gives back what is another's.
CREATE TABLE budget_blocks(
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  scope TEXT NOT NULL,
  granted INTEGER NOT NULL,
  boot_id TEXT NOT NULL,
  pid INTEGER NOT NULL,
  start_time INTEGER NOT NULL,
  pid_namespace INTEGER NOT NULL
) STRICT;
CREATE INDEX budget_blocks_by_scope ON budget_blocks(scope);

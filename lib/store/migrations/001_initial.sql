-- The first schema. Every row that holds a body carries its labels, principal and the epochs of policy and scanner.

-- Facts about this database itself.
CREATE TABLE meta(
  key TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE sessions(
  id TEXT PRIMARY KEY,
  title TEXT NOT NULL,
  head_entry TEXT NOT NULL,
  parent_session TEXT NOT NULL,
  workspace TEXT NOT NULL,
  model TEXT NOT NULL,
  created_ms INTEGER NOT NULL,
  updated_ms INTEGER NOT NULL,
  turns INTEGER NOT NULL,
  input_tokens INTEGER NOT NULL,
  output_tokens INTEGER NOT NULL,
  cost_usd_micros INTEGER NOT NULL,
  open_run TEXT NOT NULL
) STRICT;
CREATE INDEX sessions_by_age ON sessions(created_ms, id);
CREATE INDEX sessions_by_head ON sessions(head_entry);

-- chain and next_seq are those of the run's last row at the time of the last write of this record.
CREATE TABLE runs(
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  session TEXT NOT NULL,
  logic_version INTEGER NOT NULL,
  state INTEGER NOT NULL,
  outcome TEXT NOT NULL,
  snapshot TEXT NOT NULL,
  snapshot_seq INTEGER NOT NULL,
  created_ms INTEGER NOT NULL,
  updated_ms INTEGER NOT NULL,
  options TEXT NOT NULL,
  chain BLOB NOT NULL,
  next_seq INTEGER NOT NULL,
  integrity TEXT NOT NULL,
  readers TEXT NOT NULL,
  principal TEXT NOT NULL,
  policy_epoch INTEGER NOT NULL,
  scanned_epoch INTEGER NOT NULL
) STRICT;
CREATE INDEX runs_by_session ON runs(session);

-- Bodies over 8 KB, once per content. Shared by rows with different labels, so the labels stand on the rows.
CREATE TABLE blobs(
  id INTEGER PRIMARY KEY,
  digest BLOB NOT NULL UNIQUE,
  bytes BLOB NOT NULL
) STRICT;

-- Append-only. A purge empties body and blob and leaves the digests: a row with neither is a tombstone.
CREATE TABLE journal(
  lsn INTEGER PRIMARY KEY,
  run INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  time_ms INTEGER NOT NULL,
  kind TEXT NOT NULL,
  integrity TEXT NOT NULL,
  readers TEXT NOT NULL,
  principal TEXT NOT NULL,
  policy_epoch INTEGER NOT NULL,
  scanned_epoch INTEGER NOT NULL,
  body_digest BLOB NOT NULL,
  effects_digest ANY NOT NULL,
  chain BLOB NOT NULL,
  blob INTEGER,
  body TEXT
) STRICT;
CREATE UNIQUE INDEX journal_by_run ON journal(run, seq);
CREATE INDEX journal_by_blob ON journal(blob) WHERE blob IS NOT NULL;

-- Conversation entries: names for journal rows. session is empty once the session that wrote it was removed
-- while another one still shares the entry.
CREATE TABLE entries(
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  session TEXT NOT NULL,
  parent INTEGER,
  lsn INTEGER NOT NULL
) STRICT;
CREATE INDEX entries_by_session ON entries(session);
CREATE INDEX entries_by_parent ON entries(parent) WHERE parent IS NOT NULL;
CREATE INDEX entries_by_lsn ON entries(lsn);

-- pid 0: released. The epoch only grows, so rows are never deleted.
CREATE TABLE leases(
  resource TEXT PRIMARY KEY,
  epoch INTEGER NOT NULL,
  boot_id TEXT NOT NULL,
  pid INTEGER NOT NULL,
  start_time INTEGER NOT NULL,
  acquired_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

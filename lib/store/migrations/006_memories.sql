-- What is remembered. Row and change numbers come from memory_state: neither is ever used twice. lineage is new in
-- every copy of the database, so that an index of what one copy became is not taken for an index of another. erasing: terms
-- of purged texts are still in memory_fts.
CREATE TABLE memory_state(
  id INTEGER PRIMARY KEY,
  lineage INTEGER NOT NULL,
  last_row INTEGER NOT NULL,
  last_change INTEGER NOT NULL,
  erasing INTEGER NOT NULL
) STRICT;
INSERT INTO memory_state VALUES(1, (random() & 1073741823) + 1, 0, 0, 0);

-- live and forgotten count its memories; change is the newest of them, purged ones included.
CREATE TABLE memory_scopes(
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  workspace TEXT NOT NULL,
  channel TEXT NOT NULL,
  actor TEXT NOT NULL,
  live INTEGER NOT NULL,
  forgotten INTEGER NOT NULL,
  change INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX memory_scopes_by_name ON memory_scopes(workspace, channel, actor);

-- tags: each between two characters 31. supersedes: the relation by which a fact closes others; 255: it does not.
-- valid_to_before_ms: what valid_to_ms was until superseded_ms. part_of: the memory whose fact goes on in this row; it is
-- forgotten and purged with it; 0: this is a memory of its own.
CREATE TABLE memories(
  id INTEGER PRIMARY KEY,
  scope INTEGER NOT NULL,
  name TEXT NOT NULL,
  change INTEGER NOT NULL,
  revision INTEGER NOT NULL,
  type INTEGER NOT NULL,
  importance REAL NOT NULL,
  time_ms INTEGER NOT NULL,
  position INTEGER NOT NULL,
  valid_from_ms INTEGER NOT NULL,
  valid_to_ms INTEGER NOT NULL,
  valid_to_before_ms INTEGER NOT NULL,
  superseded_ms INTEGER NOT NULL,
  supersedes INTEGER NOT NULL,
  created_ms INTEGER NOT NULL,
  updated_ms INTEGER NOT NULL,
  forgotten_ms INTEGER NOT NULL,
  integrity TEXT NOT NULL,
  readers TEXT NOT NULL,
  principal TEXT NOT NULL,
  policy_epoch INTEGER NOT NULL,
  scanned_epoch INTEGER NOT NULL,
  thread TEXT NOT NULL,
  subject TEXT NOT NULL,
  predicate TEXT NOT NULL,
  object TEXT NOT NULL,
  source TEXT NOT NULL,
  tags TEXT NOT NULL,
  attributes TEXT NOT NULL,
  part_of INTEGER NOT NULL DEFAULT 0,
  text TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX memories_by_name ON memories(scope, name);
CREATE UNIQUE INDEX memories_by_change ON memories(scope, change);
CREATE INDEX memories_by_row ON memories(scope);
CREATE INDEX memories_by_time ON memories(scope, time_ms);
CREATE INDEX memories_by_thread ON memories(scope, thread, time_ms) WHERE thread <> '';
CREATE INDEX memories_by_source ON memories(scope, source) WHERE source <> '';
CREATE INDEX memories_by_fact ON memories(scope, subject, predicate) WHERE subject <> '' OR predicate <> '';
CREATE INDEX memories_by_whole ON memories(part_of) WHERE part_of > 0;
CREATE INDEX memories_forgotten ON memories(scope) WHERE forgotten_ms > 0;
CREATE INDEX memories_superseded ON memories(scope) WHERE superseded_ms < 9223372036854775807 AND forgotten_ms = 0;

CREATE TABLE memory_edges(
  source INTEGER NOT NULL,
  target INTEGER NOT NULL,
  relation INTEGER NOT NULL,
  weight REAL NOT NULL,
  created_ms INTEGER NOT NULL,
  PRIMARY KEY(source, target, relation)
) STRICT, WITHOUT ROWID;
CREATE INDEX memory_edges_by_target ON memory_edges(target);

-- What was never used has no row.
CREATE TABLE memory_uses(
  memory INTEGER PRIMARY KEY,
  count INTEGER NOT NULL,
  last_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE memory_spaces(
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  model TEXT NOT NULL,
  dimensions INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX memory_spaces_by_model ON memory_spaces(model, dimensions);

-- key: the space times 2^40, and the memory. The vectors of a space lie together, in the order of the memories.
CREATE TABLE memory_vectors(
  key INTEGER PRIMARY KEY,
  bytes BLOB NOT NULL
) STRICT;

-- Numbers of memories that were erased, for indexes that still know of them.
CREATE TABLE memory_purged(
  scope INTEGER NOT NULL,
  change INTEGER NOT NULL,
  memory INTEGER NOT NULL,
  PRIMARY KEY(scope, change)
) STRICT, WITHOUT ROWID;

-- The words of what is not forgotten. The scope is a word of its own column: a search of one scope meets no words of
-- others.
CREATE VIEW memory_words AS
  SELECT id, 's' || scope AS scope, text, tags FROM memories WHERE forgotten_ms = 0;
CREATE VIRTUAL TABLE memory_fts USING fts5(
  scope, text, tags, content = 'memory_words', content_rowid = 'id', tokenize = 'porter unicode61 remove_diacritics 2'
);

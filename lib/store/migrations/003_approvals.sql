-- Calls that wait for somebody's approval, for other processes to see and to answer. state: 0 waits, 1 decided by
-- another process and not taken up yet, 2 answered and taken up, 3 withdrawn. Who waits is whoever holds the lease
-- "session:<session>" with lease_epoch. expires_ms 0: never.
CREATE TABLE approvals(
  id TEXT PRIMARY KEY,
  session TEXT NOT NULL,
  run TEXT NOT NULL,
  call TEXT NOT NULL,
  tool TEXT NOT NULL,
  effect TEXT NOT NULL,
  reason TEXT NOT NULL,
  scope TEXT NOT NULL,
  not_sandboxed INTEGER NOT NULL,
  arguments TEXT NOT NULL,
  argument_bytes INTEGER NOT NULL,
  binding TEXT NOT NULL,
  integrity TEXT NOT NULL,
  readers TEXT NOT NULL,
  principal TEXT NOT NULL,
  policy_epoch INTEGER NOT NULL,
  scanned_epoch INTEGER NOT NULL,
  lease_epoch INTEGER NOT NULL,
  created_ms INTEGER NOT NULL,
  expires_ms INTEGER NOT NULL,
  state INTEGER NOT NULL,
  allow INTEGER NOT NULL,
  decider TEXT NOT NULL,
  note TEXT NOT NULL,
  decided_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX approvals_by_age ON approvals(created_ms, id);
CREATE INDEX approvals_by_session ON approvals(session);
CREATE INDEX approvals_decided ON approvals(id) WHERE state = 1;

-- Whose calls of models are summed up apart, by UTC day; session is empty for sessions that were removed. Ids are never
-- used again: a writer remembers them. What was used before these tables existed counts on the day of the last change of
-- its session, without calls.
CREATE TABLE usage(
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  session TEXT NOT NULL,
  day INTEGER NOT NULL,
  model TEXT NOT NULL,
  principal TEXT NOT NULL,
  route TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX usage_by_key ON usage(session, day, model, principal, route);

-- The sums of usage.id, apart from it so that a call changes few bytes.
CREATE TABLE usage_counts(
  id INTEGER PRIMARY KEY,
  calls INTEGER NOT NULL,
  failures INTEGER NOT NULL,
  unpriced INTEGER NOT NULL,
  input INTEGER NOT NULL,
  cached_input INTEGER NOT NULL,
  cache_write INTEGER NOT NULL,
  output INTEGER NOT NULL,
  reasoning INTEGER NOT NULL,
  cost_usd_micros INTEGER NOT NULL
) STRICT;
INSERT INTO usage(session, day, model, principal, route)
  SELECT id, updated_ms / 86400000, model, '', '' FROM sessions
  WHERE input_tokens > 0 OR output_tokens > 0 OR cost_usd_micros > 0;
INSERT INTO usage_counts
  SELECT u.id, 0, 0, 0, s.input_tokens, 0, 0, s.output_tokens, 0, s.cost_usd_micros
  FROM usage u JOIN sessions s ON s.id = u.session;

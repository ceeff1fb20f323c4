-- What calls of models took and cost, by UTC day. session is empty for what was used by sessions that were removed.
-- What was used before this table existed counts on the day of the last change of its session, without calls.
CREATE TABLE usage(
  id INTEGER PRIMARY KEY,
  session TEXT NOT NULL,
  day INTEGER NOT NULL,
  model TEXT NOT NULL,
  principal TEXT NOT NULL,
  route TEXT NOT NULL,
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
CREATE UNIQUE INDEX usage_by_key ON usage(session, day, model, principal, route);
INSERT INTO usage(session, day, model, principal, route, calls, failures, unpriced, input, cached_input,
  cache_write, output, reasoning, cost_usd_micros)
  SELECT id, updated_ms / 86400000, model, '', '', 0, 0, 0, input_tokens, 0, 0, output_tokens, 0, cost_usd_micros
  FROM sessions WHERE input_tokens > 0 OR output_tokens > 0 OR cost_usd_micros > 0;

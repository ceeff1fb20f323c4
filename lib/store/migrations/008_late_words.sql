-- The words of a new memory come into memory_fts some writes later, with those of others: writing them one by one costs more
-- than all the rest of a write. indexed_row: the last memory whose words may be in it.
ALTER TABLE memory_state ADD COLUMN indexed_row INTEGER NOT NULL DEFAULT 0;
UPDATE memory_state SET indexed_row = last_row;
DROP VIEW memory_words;
CREATE VIEW memory_words AS
  SELECT id, 's' || scope AS scope, text, tags FROM memories
  WHERE forgotten_ms = 0 AND id <= (SELECT indexed_row FROM memory_state);

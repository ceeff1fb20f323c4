"""SQLite as people use it by hand: its full-text search, vectors by sqlite-vec, and both by reciprocal ranks."""

import apsw
import sqlite_vec
from store_base import Store, fused, words_of

POOL = 50  # hits of each list that are fused


class SqliteStore(Store):
    WORDS = VECTORS = True

    def __init__(self, folder, about):
        self._database = apsw.Connection(str(folder / "memories.db"))
        self._database.pragma("journal_mode", "wal")
        self._database.pragma("synchronous", "full")
        self._database.execute("create table if not exists memories(number integer primary key, text text)")
        if self.WORDS:
            self._database.execute("create virtual table if not exists words using fts5(text, content='memories', "
                                   "content_rowid='number', tokenize='porter unicode61')")
        if self.VECTORS:
            self._database.enable_load_extension(True)
            self._database.load_extension(sqlite_vec.loadable_path())
            self._database.execute("create virtual table if not exists vectors using "
                                   f"vec0(x float[{about['dimensions']}] distance_metric=cosine)")

    def add(self, items):
        with self._database:
            self._database.executemany("insert into memories values (?, ?)", ((one["number"], one["text"]) for one in items))
            if self.WORDS:
                self._database.executemany("insert into words(rowid, text) values (?, ?)",
                                           ((one["number"], one["text"]) for one in items))
            if self.VECTORS:
                self._database.executemany("insert into vectors(rowid, x) values (?, ?)",
                                           ((one["number"], one["vector"].tobytes()) for one in items if one["vector"].any()))

    def by_words(self, text, count):
        query = " OR ".join(f'"{word}"' for word in words_of(text))
        if not query:
            return []
        return [row[0] for row in self._database.execute(
            "select rowid from words where words match ? order by rank limit ?", (query, count))]

    def by_vector(self, vector, count):
        return [row[0] for row in self._database.execute("select rowid from vectors where x match ? and k = ?",
                                                         (vector.tobytes(), count))]

    def search(self, text, vector, count):
        return fused([self.by_words(text, POOL), self.by_vector(vector, POOL)], count)

    def close(self):
        self._database.close()


class Fts5(SqliteStore):
    VECTORS = False

    def search(self, text, vector, count):
        return self.by_words(text, count)


class SqliteVec(SqliteStore):
    WORDS = False

    def search(self, text, vector, count):
        return self.by_vector(vector, count)


PEERS = {"sqlite_fts5": Fts5, "sqlite_vec": SqliteVec, "sqlite_hybrid": SqliteStore}

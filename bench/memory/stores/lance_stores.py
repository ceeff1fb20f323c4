"""LanceDB: its full-text search, its exact vector search, and its hybrid of both, as it fuses them when nothing is said."""

import lancedb
import pyarrow
from store_base import Store, words_of


class LanceStore(Store):
    WORDS = VECTORS = True

    def __init__(self, folder, about):
        schema = pyarrow.schema([("number", pyarrow.int64()), ("text", pyarrow.string()),
                                 ("vector", pyarrow.list_(pyarrow.float32(), about["dimensions"]))])
        self._table = lancedb.connect(folder).create_table("memories", schema=schema, exist_ok=True)

    def add(self, items):
        self._table.add([{"number": one["number"], "text": one["text"], "vector": one["vector"]} for one in items])

    def ready(self):
        if self.WORDS:
            self._table.create_fts_index("text", replace=True)
        self._table.optimize()

    def _question(self, text, vector):
        if not self.VECTORS:
            return self._table.search(" ".join(words_of(text)), query_type="fts")
        if not self.WORDS:
            return self._table.search(vector).distance_type("cosine")
        return self._table.search(query_type="hybrid").vector(vector).text(" ".join(words_of(text))).distance_type("cosine")

    def search(self, text, vector, count):
        found = self._question(text, vector).select(["number"]).limit(count).to_arrow()
        return found.column("number").to_pylist()


class LanceWords(LanceStore):
    VECTORS = False


class LanceVectors(LanceStore):
    WORDS = False


PEERS = {"lancedb_words": LanceWords, "lancedb_vectors": LanceVectors, "lancedb_hybrid": LanceStore}

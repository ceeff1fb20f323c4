"""usearch: a graph over vectors, in one file."""

import numpy
from store_base import Store
from usearch.index import Index


class Usearch(Store):
    WRITES_ONE = False

    def __init__(self, folder, about):
        self._file = folder / "vectors.usearch"
        self._index = Index(ndim=about["dimensions"], metric="cos", dtype="f32")
        if self._file.exists():
            self._index.load(str(self._file))

    def add(self, items):
        items = [one for one in items if one["vector"].any()]
        self._index.add(numpy.array([one["number"] for one in items], dtype=numpy.uint64),
                        numpy.stack([one["vector"] for one in items]), threads=1)

    def ready(self):
        self._index.save(str(self._file))

    def search(self, text, vector, count):
        return [int(key) for key in self._index.search(vector, count, threads=1).keys]

    def notes(self):
        return ["it keeps no texts, and is saved as a whole: no write of one memory"]


PEERS = {"usearch": Usearch}

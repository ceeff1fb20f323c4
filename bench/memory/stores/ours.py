"""libtau through its C API, with the options that everybody gets. Queries are the words alone: it makes the vectors."""

from pathlib import Path

from libtau import Libtau, Memory, Runtime
from store_base import Store


class Ours(Store):
    KNOWS_TIMES = True

    def __init__(self, folder, about):
        self._runtime = Runtime(Libtau(Path(about["library"])), folder, {"memory": {"model": self.model_of(about)}})
        self._memory = Memory(self._runtime, {"channel": "bench"})

    def model_of(self, _about):
        return "hash"

    def add(self, items):
        memories = [{"id": str(item["number"]), "text": item["text"], "position": item["number"],
                     **{key: item[key] for key in ("time", "thread") if key in item}} for item in items]
        self._memory.perform({"op": "add", "memories": memories})

    def ready(self):
        while self._memory.perform({"op": "embed", "limit": 10_000})["embedded"]:
            pass
        self._memory.search({"query": "anything", "k": 1, "touch": False})

    def _found(self, request):
        return [int(hit["id"]) for hit in self._memory.search({"touch": False, **request})["hits"]]

    def search(self, text, vector, count):
        return self._found({"query": text, "k": count})

    def best_thread(self, text):
        return self._found({"query": text, "k": 1, "group": "thread"})

    def close(self):
        self._memory.close()
        self._runtime.close()


class OursWithModel(Ours):
    def model_of(self, about):
        return f"file:{about['model']}"


PEERS = {"libtau": Ours, "libtau_model": OursWithModel}

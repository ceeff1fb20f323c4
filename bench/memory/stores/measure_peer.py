"""One store of memories in a process of its own, inside the environment of python.lock. Prints a JSON object.

quality PEER WORK: the hits of each query of a collection
fill PEER WORK HOME SECONDS: writes the memories of the work in batches; how fast, and how large it is then
use PEER WORK HOME FILLED: opens what was filled, searches, and writes memories one at a time
"""

import importlib
import json
import os
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

import numpy

BATCH = 1000
HITS = 10
MODULES = {"libtau": "ours", "libtau_model": "ours", "sqlite_fts5": "sqlite_stores", "sqlite_vec": "sqlite_stores",
           "sqlite_hybrid": "sqlite_stores", "bm25s": "word_indexes", "tantivy": "word_indexes", "usearch": "vector_index",
           "lancedb_words": "lance_stores", "lancedb_vectors": "lance_stores", "lancedb_hybrid": "lance_stores",
           "mem0": "mem0_store"}


class Work:
    """A folder of work, as workloads.py wrote it."""

    def __init__(self, folder, dated=False):
        folder = Path(folder)
        self.about = json.loads((folder / "work.json").read_text(encoding="utf-8"))
        self.texts = self.lines(folder / ("dated.jsonl" if dated else "texts.jsonl"))
        self.queries = self.lines(folder / "queries.jsonl")
        self.vectors, self.query_vectors = (numpy.fromfile(folder / f"{name}.f32", dtype=numpy.float32)
                                            .reshape(-1, self.about["dimensions"]) for name in ("vectors", "query_vectors"))

    @staticmethod
    def lines(path):
        with open(path, encoding="utf-8") as file:
            return [json.loads(line) for line in file]

    def item(self, number):
        documents = self.about.get("documents")
        return {"number": number, "text": self.texts[number], "vector": self.vectors[number],
                **({key: documents[number][key] for key in ("time", "thread") if key in documents[number]} if documents else {})}


def peer_class(name):
    return importlib.import_module(MODULES[name]).PEERS[name]


def quality(name, folder):
    """Each scope is a store of its own; for who knows threads, the best one is asked for, too."""
    made = peer_class(name)
    work = Work(folder, dated=not made.KNOWS_TIMES)
    numbers, asked = defaultdict(list), defaultdict(list)
    for number, document in enumerate(work.about["documents"]):
        numbers[document["scope"]].append(number)
    for number, query in enumerate(work.about["queries"]):
        asked[query["scope"]].append(number)
    ids = [document["id"] for document in work.about["documents"]]
    hits, first = {}, {}
    for scope, queries in asked.items():
        with tempfile.TemporaryDirectory() as home:
            store = made(Path(home), work.about)
            for begin in range(0, len(numbers[scope]), BATCH):
                store.add([work.item(number) for number in numbers[scope][begin:begin + BATCH]])
            store.ready()
            for number in queries:
                query = work.about["queries"][number]["id"]
                found = store.search(work.queries[number], work.query_vectors[number], HITS)
                hits[query] = [ids[one] for one in found]
                if hasattr(store, "best_thread"):
                    first[query] = next((ids[one] for one in store.best_thread(work.queries[number])), None)
            store.close()
    return {"hits": hits, "first": first}


def clocks():
    return numpy.array([time.perf_counter(), time.process_time()])


def bytes_below(folder):
    return sum(file.stat().st_size for file in Path(folder).rglob("*") if file.is_file())


def resident():
    """Pages of this process that are in memory, files that are mapped among them."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


def fill(name, folder, home, seconds):
    work, notes = Work(folder), []
    store = peer_class(name)(Path(home), work.about)
    size, filled, start = work.about["together"], 0, clocks()
    while filled < size and clocks()[0] - start[0] < float(seconds):
        end = min(size, filled + BATCH)
        store.add([work.item(number) for number in range(filled, end)])
        filled = end
    store.ready()
    wall, cpu = clocks() - start
    store.close()
    if filled < size:
        notes.append(f"filled {filled} memories in {wall:.0f} s and was stopped: the other figures are of these")
    notes += store.notes()
    return {"filled": filled, "fill_per_s": filled / wall, "fill_per_cpu_s": filled / cpu,
            "disk_bytes": bytes_below(home) / filled, "notes": notes}


def use(name, folder, home, filled):
    made, work = peer_class(name), Work(folder)
    made.load()  # code is not memories
    before, start = resident(), clocks()
    store = made(Path(home), work.about)
    store.search(work.queries[0], work.query_vectors[0], HITS)
    open_s = (clocks() - start)[0]
    took, hits = [], 0
    for text, vector in zip(work.queries, work.query_vectors):
        start = clocks()
        hits += len(store.search(text, vector, HITS))
        took.append(clocks() - start)
    grown = (resident() - before) / int(filled)
    wall, cpu = numpy.sort(numpy.array(took) * 1e3, axis=0).T
    out = {"open_ms": open_s * 1e3, "p50_ms": wall[len(wall) // 2], "p99_ms": wall[len(wall) * 99 // 100],
           "cpu_ms": cpu[len(cpu) // 2], "resident_bytes": grown, "hits": hits / len(took)}
    if made.WRITES_ONE:
        start, size = clocks(), work.about["together"]
        for number in range(size, len(work.texts)):
            store.add([work.item(number)])
        out["single_per_s"] = (len(work.texts) - size) / (clocks() - start)[0]
    store.close()
    return {key: float(value) for key, value in out.items()}


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "tools" / "exam_lib"))
    print(json.dumps({"quality": quality, "fill": fill, "use": use}[sys.argv[1]](*sys.argv[2:])))

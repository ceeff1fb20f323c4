"""Peers of vector search, inside the environment of python.lock: reads a file of vector_export, prints one JSON object a
peer. One thread, CPU time, all of it in memory."""

import json
import sys
import time

import apsw
import numpy
import sqlite_vec
from usearch.index import Index

K = 10


def read(path):
    sizes = numpy.fromfile(path, dtype=numpy.uint64, count=3)
    rows, dimensions, queries = (int(size) for size in sizes)
    floats = numpy.fromfile(path, dtype=numpy.float32, offset=24)
    split = rows * dimensions, (rows + queries) * dimensions
    return (floats[:split[0]].reshape(rows, dimensions), floats[split[0]:split[1]].reshape(queries, dimensions),
            floats[split[1]:])


def timed(work):
    start = time.process_time()
    result = work()
    return result, time.process_time() - start


def report(name, data, search, build_s, total_bytes):
    """What is as near as a query's tenth belongs to its ten."""
    rows, queries, tenth = data
    search(queries[0])
    seconds, found = [], 0
    for query, least in zip(queries, tenth):
        keys, took = timed(lambda query=query: search(query))
        seconds.append(took)
        found += int(numpy.count_nonzero(rows[numpy.asarray(keys, dtype=numpy.int64)] @ query >= least - 1e-5))
    seconds.sort()
    print(json.dumps({"name": name, "recall": found / (K * len(queries)), "p50_ms": seconds[len(seconds) // 2] * 1e3,
                      "p99_ms": seconds[len(seconds) * 99 // 100] * 1e3, "build_s": build_s,
                      "bytes_per_row": total_bytes / len(rows)}), flush=True)


def usearch(data):
    rows = data[0]
    for dtype in ("f32", "i8"):
        index = Index(ndim=rows.shape[1], metric="cos", dtype=dtype, connectivity=16, expansion_add=100)
        _, build_s = timed(lambda index=index: index.add(numpy.arange(len(rows)), rows, threads=1))
        for ef in (64, 256):
            index.expansion_search = ef
            report(f"usearch_{dtype}_ef{ef}", data, lambda query, index=index: index.search(query, K, threads=1).keys, build_s,
                   index.memory_usage)


def sqlite_vec_scan(data):
    rows = data[0]
    for name, column, value in (("f32", f"float[{rows.shape[1]}]", "?"),
                                ("int8", f"int8[{rows.shape[1]}]", "vec_quantize_int8(?, 'unit')")):
        database = apsw.Connection(":memory:")  # a Python's own SQLite often loads no extensions
        database.enable_load_extension(True)
        database.load_extension(sqlite_vec.loadable_path())
        database.execute(f"create virtual table v using vec0(x {column} distance_metric=cosine)")

        def fill(database=database, value=value):
            with database:
                database.executemany(f"insert into v(rowid, x) values (?, {value})",
                                     ((i, row.tobytes()) for i, row in enumerate(rows)))
        _, build_s = timed(fill)
        pages = database.pragma("page_count") * database.pragma("page_size")

        def search(query, database=database, value=value):
            return [row[0] for row in database.execute(f"select rowid from v where x match {value} and k = {K}",
                                                       (query.tobytes(),))]
        report(f"sqlite_vec_{name}", data, search, build_s, pages)
        database.close()


if __name__ == "__main__":
    vectors = read(sys.argv[1])
    usearch(vectors)
    sqlite_vec_scan(vectors)

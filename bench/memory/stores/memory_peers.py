#!/usr/bin/env python3
"""Memories in libtau and in other stores that a program can carry with it: how well each finds what answers a query, and
what it costs. The same texts, the same vectors, ten hits, each in a process of its own, in two tables.

Quality: collections with known answers, in folders as tools/exam_lib/retrieval.py reads them: --data, or retrieval/ of the
folder that TAU_SHARED_DATA names. Vectors are those of the model in --model (or TAU_BENCH_MODEL), a folder as
`tau memory model install` makes it; without one they are hashed words. Who has a field for the time and the thread of a
memory is told them; the others get the date at the end of the text.
Speed: made memories of 12 to 48 words with hashed vectors, as search_bench has them; queries of five words.

The others are taken from PyPI into build/memory_peers at the first use, in the versions of python.lock, whose hashes are
checked. Nothing of libtau needs them. What would report home or fetch models while they run is switched off.

Usage: memory_peers.py --library LIBTAU --embed EMBED_EXPORT [--data FOLDER] [--model FOLDER] [--sizes N…] [--only NAME…]
       [--seconds N] [--python PYTHON] [--json FILE] [--quick]
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True
HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
CACHE = ROOT / "build" / "memory_peers"
sys.path[:0] = [str(HERE), str(HERE.parents[1] / "support"), str(ROOT / "tools" / "exam_lib")]
import workloads  # noqa: E402
from packages import python_inside  # noqa: E402

# The first one is what the others are compared with.
PEERS = ("libtau", "libtau_model", "sqlite_fts5", "bm25s", "tantivy", "lancedb_words", "lancedb_vectors", "lancedb_hybrid",
         "sqlite_hybrid", "sqlite_vec", "usearch", "mem0")
NOT_RUN = {"hnswlib": "its package is source alone, built on each machine; vector_peers has it where its headers are"}
SPEED = (("fill_per_s", "writes/s", ".0f"), ("fill_per_cpu_s", "/CPU s", ".0f"), ("single_per_s", "single/s", ".0f"),
         ("p50_ms", "p50 ms", ".2f"), ("p99_ms", "p99 ms", ".2f"), ("cpu_ms", "CPU ms", ".2f"), ("hits", "hits", ".1f"),
         ("open_ms", "open ms", ".0f"), ("disk_bytes", "disk B", ".0f"), ("resident_bytes", "RSS B", ".0f"))


def offline():
    """The environment of the others: nothing is reported home or fetched while they run."""
    return {**os.environ, "MEM0_TELEMETRY": "False", "HF_HUB_OFFLINE": "1", "ANONYMIZED_TELEMETRY": "False",
            "PYTHONDONTWRITEBYTECODE": "1"}


def run_inside(python, *arguments):
    """What a process of one peer says, and why it says no more."""
    done = subprocess.run([python, HERE / "measure_peer.py", *map(str, arguments)], capture_output=True, text=True,
                          env=offline(), check=False)
    said = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    if done.returncode == 0 and said:
        return said[-1], None
    last = done.stderr.strip().splitlines()[-1:] or [f"it ended with status {done.returncode}"]
    return None, last[0]


def chosen(args, with_model):
    """Peers of this run. Without a model the row of libtau's model is no other than that of libtau."""
    return [name for name in PEERS
            if (not args.only or name in args.only) and (name != "libtau_model" or with_model)]


def quality(args, python):
    """Figures by collection and peer; those who cannot take part say why."""
    out = {}
    for folder in workloads.folders_of(args.data):
        with tempfile.TemporaryDirectory() as work:
            collection = workloads.write_collection(args, folder, Path(work))
            for name in chosen(args, args.model):
                found, why = run_inside(python, "quality", name, work)
                figures = {"why": why} if found is None else workloads.judged(collection, found)
                out.setdefault(collection.name, {})[name] = figures
                print_quality(collection.name, name, figures)
    return out


def print_quality(collection, name, figures):
    if "why" in figures:
        print(f"{collection:14}{name:18}not run: {figures['why']}", flush=True)
        return
    cells = "".join(f"{figures[key]:>10.4f}" if key in figures else f"{'-':>10}" for key in workloads.QUALITY)
    print(f"{collection:14}{name:18}{cells}", flush=True)


def speed(args, python, size):
    out = {}
    with tempfile.TemporaryDirectory() as work:
        workloads.write_made(args, size, Path(work))
        for name in chosen(args, False):
            with tempfile.TemporaryDirectory() as home:
                figures, why = run_inside(python, "fill", name, work, home, args.seconds)
                if figures is not None:
                    used, why = run_inside(python, "use", name, work, home, figures["filled"])
                    figures.update(used or {})
            out[name] = figures or {}
            print_speed(size, name, figures or {}, why)
    return out


def print_speed(size, name, figures, why):
    cells = "".join(f"{figures[key]:>11{form}}" if figures.get(key) is not None else f"{'-':>11}" for key, _, form in SPEED)
    print(f"{size:>7} {name:18}{cells}", flush=True)
    for note in (*figures.get("notes", ()), *((f"not run: {why}",) if why else ())):
        print(f"{'':8}  {note}", flush=True)


def rows_of(prefix, figures, keys):
    """The form of a report that tools/bench keeps."""
    first = next(iter(figures.values()), {})
    for name, one in figures.items():
        for key in keys:
            value, base = one.get(key), first.get(key) if one is not first else None
            if value is not None:
                yield {"name": f"{prefix}_{name}_{key}", "unit": key.split("_")[-1], "value": value, "baseline": base,
                       "ratio": value / base if base else None, "samples": [value]}


def parse(argv):
    shared = os.environ.get("TAU_SHARED_DATA")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--library", type=Path, required=True)
    parser.add_argument("--embed", type=Path, required=True)
    parser.add_argument("--data", type=Path, default=Path(shared) / "retrieval" if shared else None)
    parser.add_argument("--model", type=Path, default=os.environ.get("TAU_BENCH_MODEL"))
    parser.add_argument("--sizes", type=int, nargs="*", default=[10_000, 100_000])
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--seconds", type=int, default=240, help="how long one may fill its store")
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--quick", action="store_true")
    args = parser.parse_args(argv)
    if args.quick:
        args.sizes = [size // 10 for size in args.sizes[:1]]
    return args


def main(argv):
    args = parse(argv)
    python = python_inside(HERE, CACHE, args.python)
    rows = []
    for name, why in NOT_RUN.items():
        print(f"{name} is not run: {why}")
    if args.data is None or not args.data.is_dir():
        print("quality is not measured: there are no collections; --data names their folder")
    else:
        print(f"\nvectors: {args.model or 'hashed words (no --model)'}\n"
              f"{'':32}" + "".join(f"{key:>10}" for key in workloads.QUALITY.values()))
        for collection, figures in quality(args, python).items():
            rows += rows_of(collection, figures, workloads.QUALITY)
    for size in args.sizes:
        print(f"\n{'':26}" + "".join(f"{title:>11}" for _, title, _ in SPEED))
        rows += rows_of(f"made_{size}", speed(args, python, size), [key for key, _, _ in SPEED])
    if args.json:
        args.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    return 0 if rows else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

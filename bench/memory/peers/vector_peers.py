#!/usr/bin/env python3
"""Vector search beside usearch, sqlite-vec and hnswlib on the same vectors: recall and time of the first ten, one thread,
the time to build and bytes a row, in one table. Times are of CPU.

usearch and sqlite-vec are taken from PyPI into build/vector_peers at the first use, in the versions of python.lock, whose
hashes are checked; hnswlib is that of vector_export, where it was built with its headers. Nothing of libtau needs them.

Usage: vector_peers.py --export VECTOR_EXPORT [--python PYTHON] [--rows N] [--dimensions N] [--json FILE] [--quick]
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
CACHE = HERE.parents[2] / "build" / "vector_peers"
sys.path.insert(0, str(HERE.parents[1] / "support"))
from packages import python_inside  # noqa: E402

KINDS = ("clustered", "diffuse", "zipf", "text")
# Key, title, form.
FIGURES = (("recall", "recall@10", ".3f"), ("p50_ms", "p50 ms", ".3f"), ("p99_ms", "p99 ms", ".3f"),
           ("build_s", "build s", ".1f"), ("bytes_per_row", "B/row", ".0f"))


def lines_of(command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        print(done.stderr.strip() or f"{command[0]} ended with status {done.returncode}")
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def measured(args, python, kind):
    """Figures of everybody on vectors of this kind; libtau's come first."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "vectors"
        ours = lines_of([args.export, kind, str(args.rows), str(args.dimensions), str(args.queries), file])
        return ours + lines_of([python, HERE / "vector_peers_inside.py", file]) if ours else []


def print_table(kind, args, figures):
    print(f"\n{kind}, {args.rows} x {args.dimensions}")
    print(f"{'':24}" + "".join(f"{title:>12}" for _, title, _ in FIGURES))
    for one in figures:
        print(f"{one['name']:24}" + "".join(f"{one[key]:>12{form}}" for key, _, form in FIGURES))


def rows_of(kind, figures):
    for one in figures:
        for key, _, _ in FIGURES:
            value, base = one[key], figures[0][key] if one is not figures[0] else None
            yield {"name": f"{kind}_{one['name']}_{key}", "unit": key.split("_")[-1], "value": value, "baseline": base,
                   "ratio": value / base if base else None, "samples": [value]}


def main(argv):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--export", type=Path, required=True)
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--dimensions", type=int, default=256)
    parser.add_argument("--queries", type=int, default=100)
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--quick", action="store_true")
    args = parser.parse_args(argv)
    if args.quick:
        args.rows //= 10
    python = python_inside(HERE, CACHE, args.python)
    rows = []
    for kind in KINDS:
        figures = measured(args, python, kind)
        if figures:
            print_table(kind, args, figures)
            rows += rows_of(kind, figures)
    if args.json:
        args.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    return 0 if rows else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

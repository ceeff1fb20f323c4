#!/usr/bin/env python3
"""Recorded streams through the official SDKs of OpenAI and Anthropic, in Python and Node, beside libtau: the same bytes in
the same pieces, from bytes to typed events. Nanoseconds of CPU per event. The baseline of an SDK is libtau's decoder in
C++, or its delivery in the same language; a ratio of 10 says that the SDK takes ten times the CPU.

The streams are the longest recorded ones of TAU_SHARED_DATA; without it made ones. The SDKs are taken from npm and PyPI
into build/sdks at the first use, in the versions of package-lock.json and python.lock, whose hashes are checked.

Usage: sdks.py --native SDK_NATIVE --c BENCH_RUN [--python PYTHON FILE…] [--node NODE FILE…] [--json FILE] [--quick]
"""

import argparse
import os
import shutil
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
SUPPORT = HERE.parent / "support"
CACHE = HERE.parents[1] / "build" / "sdks"
DATA = HERE.parents[2] / "shared" / "data"
sys.path[:0] = [str(SUPPORT), str(HERE)]
from packages import node_folder, python_inside  # noqa: E402
from programs import Program, add_doors, collect, folder_above, report, row  # noqa: E402
from streams import PROVIDERS, events_in, longest  # noqa: E402

ROUNDS = 3
LENGTHS = {"native": ["--runs", "200", "--samples", "5", "--warm-up", "100"],
           "python": ["--runs", "20", "--samples", "5", "--warm-up", "5"],
           "node": ["--runs", "100", "--samples", "5", "--warm-up", "300"]}
QUICK = ["--runs", "3", "--samples", "1", "--warm-up", "3"]


def python_programs(files, streams):
    package = {"PYTHONPATH": str(folder_above(files, "__init__.py"))}
    inside = python_inside(HERE, CACHE, files[0])
    return [Program([files[0], HERE / "our_streams.py", *LENGTHS["python"], *streams], QUICK, **package),
            Program([inside, HERE / "sdk_streams.py", *LENGTHS["python"], *streams], QUICK)]


def node_programs(files, streams):
    folder = node_folder(HERE, CACHE)
    for part in (SUPPORT / "sampler.mjs", HERE / "streams.mjs", HERE / "sdk_streams.mjs"):
        shutil.copy(part, folder)
    package = {"NODE_PATH": str(folder_above(files, "index.js"))}
    return [Program([files[0], HERE / "our_streams.mjs", *LENGTHS["node"], *streams], QUICK, **package),
            Program([files[0], folder / "sdk_streams.mjs", *LENGTHS["node"], *streams], QUICK)]


def rows_of(samples, counts):
    """What libtau takes, and each SDK beside libtau in C++ and in its own language."""
    per_event = {name: [value * 1e3 / counts[dialect] for value in values] for name, values in samples.items()
                 for dialect in counts if name.endswith(dialect)}
    rows = [row(name, "ns_cpu_per_event", values) for name, values in per_event.items() if "_sdk_" not in name]
    for name, values in per_event.items():
        language, _, dialect = name.partition("_sdk_")
        if dialect:
            rows.append(row(f"{name}_beside_native", "ns_cpu_per_event", values, per_event[f"native_{dialect}"]))
            rows.append(row(f"{name}_beside_{language}", "ns_cpu_per_event", values, per_event[f"{language}_libtau_{dialect}"]))
    return rows


def main(argv):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--native", type=Path, required=True, metavar="SDK_NATIVE")
    add_doors(parser)
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--quick", action="store_true")
    args = parser.parse_args(argv)
    recorded = Path(os.environ.get("TAU_SHARED_DATA", DATA)) / "provider-recordings"
    with tempfile.TemporaryDirectory() as folder:
        streams, counts = [], {}
        for dialect in PROVIDERS:
            data = longest(dialect, recorded)
            path = Path(folder) / f"{dialect}.sse"
            path.write_bytes(data)
            counts[dialect] = events_in(data)
            streams.append(f"{dialect}={path}")
            print(f"{dialect}: {len(data)} bytes, {counts[dialect]} events")
        programs = [Program([args.native, *LENGTHS["native"], *streams], QUICK)]
        programs += python_programs(args.python, streams) if args.python else []
        programs += node_programs(args.node, streams) if args.node else []
        samples = collect(programs, ROUNDS, args.quick)
    report(rows_of(samples, counts), args.json, "libtau")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

#!/usr/bin/env python3
"""The run of bench/doors through peers of the same language, beside libtau: two turns, one tool, eight text deltas, a
scripted model in the process. The baseline is libtau's run; a ratio of 3 says that the peer takes three times the CPU.

The peers are taken from npm and PyPI into build/peers at the first use, in the versions of package-lock.json and
python.lock, whose hashes are checked. Nothing of libtau needs them.

Usage: peers.py --c BENCH_RUN [--python PYTHON FILE…] [--node NODE FILE…] [--json FILE] [--quick]
"""

import argparse
import shutil
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
SUPPORT = HERE.parent / "support"
CACHE = HERE.parents[1] / "build" / "peers"
sys.path.insert(0, str(SUPPORT))
from packages import node_folder, python_inside  # noqa: E402
from programs import Program, add_doors, collect, doors, report, row  # noqa: E402

ROUNDS = 3
OURS = {"python": "python_async_for", "node": "node_for_await"}
LENGTHS = {"python": ["--runs", "60", "--samples", "5", "--warm-up", "60"],  # a run takes milliseconds
           "node": ["--runs", "400", "--samples", "5", "--warm-up", "1500"]}
QUICK = ["--runs", "5", "--samples", "1", "--warm-up", "5"]


def node_peers(node):
    """The programs, copied to where Node finds the packages."""
    folder = node_folder(HERE, CACHE)
    shutil.copy(SUPPORT / "sampler.mjs", folder)
    return [Program([node, shutil.copy(HERE / name, folder), *LENGTHS["node"]], QUICK) for name in ("pi.mjs", "openai_agents.mjs")]


def python_peers(python):
    inside = python_inside(HERE, CACHE, python)
    return [Program([inside, HERE / name, *LENGTHS["python"]], QUICK)
            for name in ("openai_agents_door.py", "pydantic_ai_door.py")]


def main(argv):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_doors(parser)
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--quick", action="store_true")
    args = parser.parse_args(argv)
    programs = doors(args)
    programs += python_peers(args.python[0]) if args.python else []
    programs += node_peers(args.node[0]) if args.node else []
    samples = collect(programs, ROUNDS, args.quick)
    ours = {"c_manual", "c_threaded", *OURS.values()}
    rows = [row(name, "us_cpu_per_run", samples[name]) for name in samples if name in ours]
    rows += [row(name, "us_cpu_per_run", values, samples[OURS[name.split("_")[0]]])
             for name, values in samples.items() if name.split("_")[1] in ("openai", "pi", "pydantic")]
    report(rows, args.json, "libtau")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

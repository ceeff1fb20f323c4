#!/usr/bin/env python3
"""What a run costs as C, Python and Node see it, beside the library's own threads and queue in C.

Usage: doors.py --c BENCH_RUN [--python PYTHON FILE…] [--node NODE FILE…] [--json FILE] [--quick]
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from programs import add_doors, collect, doors, report, row  # noqa: E402

ROUNDS = 3
BASELINE = "c_threaded"


def main(argv):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_doors(parser)
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--quick", action="store_true")
    args = parser.parse_args(argv)
    samples = collect(doors(args), ROUNDS, args.quick)
    rows = [row(name, "us_cpu_per_run", values, None if name == BASELINE else samples[BASELINE])
            for name, values in samples.items()]
    report(rows, args.json, BASELINE)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

#!/usr/bin/env python3
"""What a run costs as C, Python and Node see it, beside the library's own threads and queue in C.

Usage: doors.py --c BENCH_RUN [--python PYTHON FILE…] [--node NODE FILE…] [--json FILE] [--quick]
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from programs import add_doors, collect, doors, folder_above, report, row  # noqa: E402

ROUNDS = 3
BASELINE = "c_threaded"
IMPORTS, QUICK_IMPORTS = 15, 2
IMPORT = "import time; start = time.process_time_ns(); import tau; print((time.process_time_ns() - start) / 1e6)"


def imports(python, package, count):
    """CPU of `import tau` in a Python that has loaded nothing else, in milliseconds, once its bytecode is there."""
    with tempfile.TemporaryDirectory() as cache:
        environment = {**os.environ, "PYTHONPATH": str(package), "PYTHONPYCACHEPREFIX": cache}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        times = [float(subprocess.run([python, "-S", "-c", IMPORT], env=environment, stdout=subprocess.PIPE, text=True,
                                      check=True).stdout) for _ in range(count + 1)]
    return times[1:]


def main(argv):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_doors(parser)
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--quick", action="store_true")
    args = parser.parse_args(argv)
    samples = collect(doors(args), ROUNDS, args.quick)
    rows = [row(name, "us_cpu_per_run", values, None if name == BASELINE else samples[BASELINE])
            for name, values in samples.items()]
    if args.python:
        rows.append(row("python_import", "ms_cpu", imports(args.python[0], folder_above(args.python, "__init__.py"),
                                                           QUICK_IMPORTS if args.quick else IMPORTS)))
    report(rows, args.json, BASELINE)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

#!/usr/bin/env python3
"""Fixed gates for size and start-up. A gate may fall; it rises only with a reason in the CHANGELOG.

Usage: size_test.py LIBTAU FOOTPRINT_PROBE [TAU]
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

# Stripped libtau.so as this build has it, without link-time optimisation. What ships has that, takes three quarters of
# this, and has a gate of 5 MiB in tools/package.
LIBRARY_BYTES = (13 << 20) // 2
# Anonymous memory of a program with an open runtime, before HTTP. The whole resident set is for benchmarks: how
# much of the mapped libraries counts depends on how the page cache happens to hold their files.
IDLE_KIB = 1 << 10
VERSION_INSTRUCTIONS = 6 << 20  # `tau --version`, dynamic linking included


def stripped_size(library):
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "libtau.so"
        subprocess.run(["strip", "-o", copy, library], check=True)
        return copy.stat().st_size


def idle_kib(probe):
    """The median of five: the kernel's counters are kept per CPU and are off by some pages."""
    values = [int(re.search(r"before_http_anonymous (\d+)", subprocess.run(
        [probe], stdout=subprocess.PIPE, text=True, check=True).stdout)[1]) for _ in range(5)]
    return sorted(values)[2]


def version_instructions(tau):
    done = subprocess.run(["valgrind", "--tool=none", "--version"], stdout=subprocess.DEVNULL, check=False)
    if done.returncode != 0:
        raise OSError("valgrind does not run")
    with tempfile.TemporaryDirectory() as folder:
        log = subprocess.run(["valgrind", "--tool=callgrind", f"--callgrind-out-file={folder}/out", tau, "--version"],
                             stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, check=True).stderr
    return int(re.search(r"Collected : (\d+)", log)[1])


def reason_to_skip(needs):
    """Debug and instrumented builds have other figures: the gates are for what ships."""
    if os.environ.get("TAU_SIZE_GATES") == "off":
        return "this build is not what ships"
    return next((f"{tool} is not installed" for tool in needs if shutil.which(tool) is None), None)


def main(argv):
    library, probe, tau = Path(argv[0]), Path(argv[1]), Path(argv[2]) if len(argv) > 2 else None
    gates = [
        ("stripped libtau.so, bytes", LIBRARY_BYTES, ["strip"], lambda: stripped_size(library)),
        ("anonymous memory of an open runtime, KiB", IDLE_KIB, [], lambda: idle_kib(probe)),
        ("instructions of tau --version", VERSION_INSTRUCTIONS, ["valgrind"], lambda: version_instructions(tau)),
    ]
    failed = 0
    for number, (name, limit, needs, measure) in enumerate(gates, 1):
        skip = reason_to_skip(needs) or ("tau is not built" if needs == ["valgrind"] and tau is None else None)
        if skip:
            print(f"ok {number} - {name} # SKIP {skip}")
            continue
        value = measure()
        failed += value > limit
        print(f"{'ok' if value <= limit else 'not ok'} {number} - {name}: {value:,} of at most {limit:,}")
    print(f"1..{len(gates)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

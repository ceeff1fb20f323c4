#!/usr/bin/env python3
"""What libtau costs a program before it does anything: start-up of `tau`, memory with an open runtime, sizes.

Usage: footprint.py LIBTAU FOOTPRINT_PROBE [TAU] [--json FILE] [--quick]
"""

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
STARTS, QUICK_STARTS = 40, 4
PROBES, QUICK_PROBES = 9, 3


def wall_ms(command):
    start = time.perf_counter_ns()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    return (time.perf_counter_ns() - start) / 1e6


def starts(tau, count):
    """`tau --version` and /bin/true in turns, so that both meet the same machine."""
    pairs = [(wall_ms([tau, "--version"]), wall_ms(["/bin/true"])) for _ in range(count)]
    return [a for a, _ in pairs], [b for _, b in pairs]


def resident(probe, count):
    """Row name -> resident set in KiB, before and after the first request over HTTP, to a server on loopback."""
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "script.json"
        script.write_text(json.dumps({"at_end": "loop", "turns": [{"text": "Hello."}]}))
        server = subprocess.Popen([sys.executable, ROOT / "tools" / "model_server.py", script], stdout=subprocess.PIPE,
                                  text=True)
        try:
            url = f"http://127.0.0.1:{int(server.stdout.readline())}/v1"
            outputs = [subprocess.run([probe, url], stdout=subprocess.PIPE, text=True, check=True).stdout
                       for _ in range(count)]
        finally:
            server.terminate()
            server.communicate()
    names = re.findall(r"^(\w+) \d+$", outputs[0], re.MULTILINE)
    return {f"resident_{name}": [int(re.search(rf"^{name} (\d+)$", out, re.MULTILINE)[1]) for out in outputs]
            for name in names}


def stripped_bytes(library):
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "stripped"
        subprocess.run(["strip", "-o", copy, library], check=True)
        return copy.stat().st_size


def closure(library):
    """The libraries that the loader maps for it, with their sizes in bytes."""
    listing = subprocess.run(["ldd", library], stdout=subprocess.PIPE, text=True, check=True).stdout
    paths = [Path(path) for path in re.findall(r"=> (/\S+)", listing)]
    return {path.name: os.stat(path).st_size for path in paths}


def row(name, unit, values, baseline=None):
    value = statistics.median(values)
    base = statistics.median(baseline) if baseline else None
    return {"name": name, "unit": unit, "value": value, "baseline": base, "ratio": value / base if base else None,
            "samples": values}


def measure(library, probe, tau, quick):
    rows = []
    if tau is not None:
        ours, theirs = starts(tau, QUICK_STARTS if quick else STARTS)
        rows.append(row("tau_version_over_true", "ms_wall", ours, theirs))
    for name, values in resident(probe, QUICK_PROBES if quick else PROBES).items():
        rows.append(row(name, "KiB", values))
    rows.append(row("libtau_stripped", "bytes", [stripped_bytes(library)]))
    loaded = closure(library)
    rows.append(row("closure", "bytes", [sum(loaded.values())]))
    return rows, loaded


def main(argv):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("library", type=Path, metavar="LIBTAU")
    parser.add_argument("probe", type=Path, metavar="FOOTPRINT_PROBE")
    parser.add_argument("tau", type=Path, metavar="TAU", nargs="?")
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--quick", action="store_true")
    args = parser.parse_args(argv)
    paths = [path and path.resolve() for path in (args.library, args.probe, args.tau)]
    rows, loaded = measure(*paths, args.quick)
    for one in rows:
        beside = f"  beside {one['baseline']:.2f}" if one["baseline"] else ""
        print(f"{one['name']:32} {one['value']:14,.2f} {one['unit']}{beside}")
    for name, size in sorted(loaded.items(), key=lambda item: -item[1]):
        print(f"  {name:36} {size:12,}")
    if args.json:
        args.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

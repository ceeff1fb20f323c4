"""Benchmarks that start programs which measure themselves (sampler.py, sampler.mjs, report.h), in turns, so that all
meet the same machine."""

import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

DOORS = Path(__file__).resolve().parents[1] / "doors"
QUICK = ["--runs", "20", "--samples", "1", "--warm-up", "20"]


class Program:
    """A command that prints {row: samples} as its last line."""

    def __init__(self, command, quick=(), **environment):
        self._command, self._quick = [str(part) for part in command], list(quick)
        self._environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", **environment}

    def samples(self, quick):
        done = subprocess.run([*self._command, *(self._quick if quick else [])], stdout=subprocess.PIPE, text=True,
                              env=self._environment, check=False)
        if done.returncode != 0:
            sys.exit(f"{' '.join(self._command)}: exit status {done.returncode}\n{done.stdout}")
        return json.loads(done.stdout.splitlines()[-1])


class Report(Program):
    """A benchmark in C++, which writes its rows to a file. wanted: row there -> row here."""

    def __init__(self, command, wanted):
        super().__init__(command)
        self._wanted = wanted

    def samples(self, quick):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "rows.json"
            subprocess.run([*self._command, "--json", path, *(["--quick"] if quick else [])], stdout=subprocess.DEVNULL,
                           check=True)
            rows = json.loads(path.read_text(encoding="utf-8"))
        return {self._wanted[row["name"]]: row["samples"] for row in rows if row["name"] in self._wanted}


def add_doors(parser):
    """The arguments that name what bench/doors needs."""
    parser.add_argument("--c", type=Path, required=True, metavar="BENCH_RUN")
    parser.add_argument("--python", type=Path, nargs="+", metavar="PATH", help="Python, and the files of the package")
    parser.add_argument("--node", type=Path, nargs="+", metavar="PATH", help="Node, and the files of the package")


def doors(args):
    """The programs of bench/doors in the languages that the build has; first in C."""
    found = [Report([args.c], {"manual_fresh_session": "c_manual", "threaded_fresh_session": "c_threaded"})]
    for files, program, variable, mark in ((args.python, "door.py", "PYTHONPATH", "__init__.py"),
                                           (args.node, "door.mjs", "NODE_PATH", "index.js")):
        if files:
            found.append(Program([files[0], DOORS / program], QUICK, **{variable: str(folder_above(files, mark))}))
    return found


def folder_above(files, mark):
    """The folder that the package is in which has the file `mark`."""
    return next(path.resolve().parents[1] for path in files if path.name == mark)


def collect(programs, rounds, quick):
    """Row -> samples of all rounds."""
    samples = {}
    for _ in range(1 if quick else rounds):
        for program in programs:
            for name, values in program.samples(quick).items():
                samples.setdefault(name, []).extend(values)
    return samples


def row(name, unit, samples, baseline=None):
    value = statistics.median(samples)
    base = statistics.median(baseline) if baseline else None
    return {"name": name, "unit": unit, "value": value, "baseline": base, "ratio": value / base if base else None,
            "samples": samples}


def report(rows, path, beside):
    """A table for people; JSON for tools/bench. beside: what the baseline is."""
    print(f"{'benchmark':44} {'value':>12} {beside:>12} {'ratio':>8}  unit")
    for one in rows:
        base = f"{one['baseline']:12,.1f} {one['ratio']:8.2f}" if one["baseline"] else f"{'-':>12} {'-':>8}"
        print(f"{one['name']:44} {one['value']:12,.1f} {base}  {one['unit']}")
    if path:
        path.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")

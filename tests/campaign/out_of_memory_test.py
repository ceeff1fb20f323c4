#!/usr/bin/env python3
"""Plays the scenarios of tests/scenarios while memory fails: out_of_memory_test.py PROGRAM [OPTION...].

Options are those of out_of_memory.cpp, and --scenarios NAME,NAME.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scenarios"))

import scenarios  # noqa: E402


def main():
    program, *options = sys.argv[1:]
    wanted = None
    if "--scenarios" in options:
        at = options.index("--scenarios")
        wanted = set(options[at + 1].split(","))
        del options[at:at + 2]
    with tempfile.TemporaryDirectory(prefix="tau-out-of-memory-") as folder:
        files = []
        for scenario in scenarios.scenarios():
            if wanted is None or scenario.name in wanted:
                files.append(Path(folder) / scenario.name)
                files[-1].write_text(scenario.text(), encoding="utf-8", newline="\n")
        return subprocess.run([program, *options, *files], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())

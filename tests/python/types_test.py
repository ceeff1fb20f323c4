"""The package, its examples and the samples in types/ under mypy --strict; exit 77 skips where there is no mypy.

Usage: types_test.py FOLDER-OF-THE-PACKAGE CACHE
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
EXAMPLES = HERE.parents[1] / "examples" / "hello_python"
OLDEST = "3.10"  # Python that the package runs on
SKIPPED = 77


def check(folder, cache, *what):
    """(lines with errors, what mypy says)."""
    command = [shutil.which("mypy"), "--strict", "--python-version", OLDEST, "--cache-dir", cache, *map(str, what)]
    done = subprocess.run(command, env={**os.environ, "MYPYPATH": folder}, text=True, capture_output=True, check=False)
    said = done.stdout + done.stderr
    return [int(line) for line in re.findall(r"^[^:\n]+:(\d+): error:", said, re.MULTILINE)], said, done.returncode


def main(folder, cache):
    if shutil.which("mypy") is None:
        print("skipped: mypy is not installed")
        return SKIPPED
    faults = 0
    for what in (["-p", "tau"], *([path] for path in sorted(EXAMPLES.glob("*.py"))), [HERE / "types" / "use.py"]):
        _, said, status = check(folder, cache, *what)
        if status != 0:
            faults += 1
            print(f"{what[-1]}: expected no errors\n{said}")
    misuse = HERE / "types" / "misuse.py"
    wanted = [number for number, line in enumerate(misuse.read_text(encoding="utf-8").split("\n"), 1)
              if "# refused" in line]
    found, said, _ = check(folder, cache, misuse)
    if sorted(set(found)) != wanted:
        faults += 1
        print(f"{misuse.name}: errors in lines {found}, expected {wanted}\n{said}")
    print(f"{faults} fail" if faults else "the annotations hold")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

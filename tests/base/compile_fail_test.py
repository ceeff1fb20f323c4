"""Compiles a file that must compile, then once for each macro with which it must not. Prints TAP.

Usage: compile_fail_test.py FILE -- COMPILER [ARGUMENT ...]
"""

import re
import subprocess
import sys
from pathlib import Path


def compiles(command, source, macro):
    define = [f"-D{macro}"] if macro else []
    return subprocess.run([*command, "-fsyntax-only", *define, source], capture_output=True).returncode == 0


def main(argv):
    source, command = argv[1], argv[3:]
    macros = sorted(set(re.findall(r"REFUSED_[A-Z]+", Path(source).read_text())) - {"REFUSED_"})
    results = [("compiles as it stands", compiles(command, source, None))]
    results += [(f"{macro} does not compile", not compiles(command, source, macro)) for macro in macros]
    for number, (what, good) in enumerate(results, 1):
        print(f"{'ok' if good else 'not ok'} {number} - {what}")
    print(f"1..{len(results)}")
    return 0 if all(good for _, good in results) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv))

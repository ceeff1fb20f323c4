"""What the tests of the exams share: cases in, TAP out."""

import sys
import tempfile
from pathlib import Path


def run(cases):
    """Ends the program with the result of cases(folder), an iterator over (what holds, whether it does)."""
    failed = number = 0
    with tempfile.TemporaryDirectory() as folder:
        for number, (name, held) in enumerate(cases(Path(folder)), 1):
            print(f"{'ok' if held else 'not ok'} {number} - {name}")
            failed += not held
    print(f"1..{number}")
    sys.exit(1 if failed else 0)

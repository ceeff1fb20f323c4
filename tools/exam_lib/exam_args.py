"""What the command lines of the exams have in common."""

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT.parent / "shared" / "data" / "safety"


def parser(about):
    """Takes the build folder and where the data is."""
    made = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--build", type=Path, required=True, help="the build folder, with the library")
    made.add_argument("path", nargs="?", type=Path, default=DATA)
    return made


def no_data(stem, path, what):
    """Says that there is nothing to examine; the exit code for that."""
    print(f"error: no {stem}*.jsonl or {stem}*.jsonl.xz in {path}; give a folder or file of {what}", file=sys.stderr)
    return 2

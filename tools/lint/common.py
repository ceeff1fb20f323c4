"""What the lints share: the files of the tree and one way to report.

A lint is a program without arguments. It prints "path:line: what is wrong and what to do" per finding and exits
1, or prints one line saying what it looked at and exits 0; 77 means that it could not look (Meson: skipped).
"""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CPP_SUFFIXES = {".h", ".hpp", ".c", ".cpp", ".cc"}
_SKIPPED_FOLDERS = {".git", "build", "node_modules", "__pycache__", ".cache", "packagecache"}


def tree_files():
    """Every file of the tree that is or could be committed, as sorted paths relative to the root."""
    listing = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT,
                             capture_output=True, check=False)
    if listing.returncode == 0:
        names = listing.stdout.decode().split("\0")
    else:  # a release archive has no git
        names = [str(path.relative_to(ROOT)) for path in ROOT.rglob("*")
                 if not _SKIPPED_FOLDERS & set(path.relative_to(ROOT).parts)]
    return sorted(Path(name) for name in set(names) if name and (ROOT / name).is_file())


def cpp_files(*folders):
    """C and C++ files below any of `folders` (all of them when none is given)."""
    return [path for path in tree_files()
            if path.suffix in CPP_SUFFIXES and (not folders or path.parts[0] in folders)]


def read(path):
    return (ROOT / path).read_text(encoding="utf-8", errors="replace")


def finish(findings, looked_at):
    """Prints the findings or `looked_at`, and exits."""
    for finding in findings:
        print(finding)
    if findings:
        print(f"{len(findings)} findings")
        sys.exit(1)
    print(looked_at)
    sys.exit(0)


def skip(reason):
    print(f"skipped: {reason}")
    sys.exit(77)

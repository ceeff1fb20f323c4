#!/usr/bin/env python3
"""Writes every generated page of the documentation. tools/lint/check_generated.py compares them with what is committed."""

import subprocess
import sys
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lint"))
import conformance  # noqa: E402
import losses  # noqa: E402
import module_diagram  # noqa: E402
from common import ROOT  # noqa: E402


def _fuzz_page():
    return subprocess.run([sys.executable, ROOT / "tools" / "fuzz", "--list"], capture_output=True, text=True,
                          check=True).stdout


def pages():
    """Path -> content of every generated page."""
    return {conformance.PAGE: conformance.render(), module_diagram.PAGE: module_diagram.render(),
            ROOT / "fuzz" / "README.md": _fuzz_page(), losses.PAGE: losses.render()}


def main():
    for path, text in pages().items():
        path.write_text(text, encoding="utf-8")
        print(path.relative_to(ROOT))


if __name__ == "__main__":
    main()

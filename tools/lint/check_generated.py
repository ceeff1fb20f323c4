"""Generated pages are fresh."""

import sys

from common import ROOT, finish

sys.path.insert(0, str(ROOT / "tools" / "gen"))
from regenerate import pages  # noqa: E402


def main():
    made = pages()
    findings = [f"{path.relative_to(ROOT)}:1: stale; run tools/gen/regenerate.py" for path, text in made.items()
                if not path.exists() or path.read_text(encoding="utf-8") != text]
    finish(findings, f"{len(made)} generated pages are fresh")


if __name__ == "__main__":
    main()

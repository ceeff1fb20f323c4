"""No row of docs/conformance.toml claims more than existing tests show."""

import sys

from common import ROOT, finish

sys.path.insert(0, str(ROOT / "tools" / "gen"))
import conformance  # noqa: E402


def main():
    table = conformance.rows()
    finish(conformance.faults(table, conformance.known_tests()), f"{len(table)} requirements, no empty claim")


if __name__ == "__main__":
    main()

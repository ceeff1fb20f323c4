"""No row of docs/conformance.toml claims more than existing tests show, and the threat model names no test that is not there."""

import sys

from common import ROOT, finish

sys.path.insert(0, str(ROOT / "tools" / "gen"))
import conformance  # noqa: E402


def main():
    table = conformance.rows()
    names = conformance.known_tests()
    finish(conformance.faults(table, names) + conformance.threat_faults(names), f"{len(table)} requirements, no empty claim")


if __name__ == "__main__":
    main()

"""The wrapper covers the whole C API: every function and every enumerator of api.json is named in a .hpp. Prints TAP.

Usage: coverage_test.py API_JSON INCLUDE_DIR
"""

import json
import re
import sys
from pathlib import Path


def main(argv):
    api = json.loads(Path(argv[1]).read_text(encoding="utf-8"))
    code = "\n".join(re.sub(r"//.*", "", path.read_text(encoding="utf-8"))
                     for path in sorted(Path(argv[2], "tau").glob("*.hpp")))
    used = set(re.findall(r"\b(?:tau|TAU)_\w+", code))
    enumerators = {value["name"] for scalar in api["scalars"].values() for value in scalar.get("values") or ()}
    bad = 0
    for number, (what, names) in enumerate((("functions", set(api["functions"])), ("enumerators", enumerators)), 1):
        missing = sorted(names - used)
        bad += bool(missing) or not names
        print(f"{'not ok' if missing or not names else 'ok'} {number} - all {len(names)} {what} are wrapped")
        print("".join(f"# missing: {name}\n" for name in missing), end="")
    print("1..2")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))

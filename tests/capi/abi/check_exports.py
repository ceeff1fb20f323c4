"""Four lists must be one: symbols that the library exports, functions of the headers, the symbol map, and api.json.

  check_exports.py LIBRARY ROOT
"""

import json
import re
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "tools" / "bindgen"))
import emit_c  # noqa: E402

# A prototype as the headers write it; read here by pattern, so that the parser behind api.json is checked too.
_DECLARED = re.compile(r"^TAU_API\s[^;(]*?\b(tau_\w+)\(", re.M)


def exported(library):
    """(functions, everything else) in the dynamic symbol table; the version nodes themselves are absolute symbols."""
    listing = subprocess.run(["nm", "-D", "--defined-only", library], capture_output=True, text=True, check=True)
    functions, foreign = set(), set()
    for line in listing.stdout.splitlines():
        _, kind, name = line.split()
        name, _, node = name.partition("@@")
        if kind == "T" and name.startswith("tau_"):
            functions.add(f"{name}@@{node}")
        elif not (kind == "A" and name.startswith("TAU_")):
            foreign.add(f"{kind} {name}")
    return functions, foreign


def compare(library, root):
    api = json.loads((root / "capi/api.json").read_text(encoding="utf-8"))
    headers = "\n".join(path.read_text(encoding="utf-8") for path in sorted((root / "include/tau").glob("*.h")))
    functions, foreign = exported(library)
    wanted = {f"{name}@@TAU_{function['doc']['since']}" for name, function in api["functions"].items()}
    names = set(api["functions"])
    faults = [f"exported but not public: {symbol}" for symbol in sorted(foreign)]
    mapped = emit_c.names_in_map((root / "capi/libtau.map").read_text(encoding="utf-8"))
    for what, found, expected in (("exports", functions, wanted), ("headers", set(_DECLARED.findall(headers)), names),
                                  ("capi/libtau.map", set(mapped), names)):
        faults += [f"{what}: {name} is not in api.json" for name in sorted(found - expected)]
        faults += [f"{what}: {name} is missing" for name in sorted(expected - found)]
    return faults, len(functions)


def main():
    faults, count = compare(sys.argv[1], Path(sys.argv[2]))
    print("\n".join(faults) or f"{count} functions are declared, mapped, described and exported, and nothing else")
    sys.exit(1 if faults or count == 0 else 0)


if __name__ == "__main__":
    main()

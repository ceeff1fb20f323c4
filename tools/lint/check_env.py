"""Environment variables are read through one table, and .env.example lists exactly that table.

tools/lint/env_sources names the files that may hold the table (glob patterns, one a line). Any other file of the
library, the hosts or the bindings that calls getenv is a fault; so is a TAU_ variable outside the table, or one
that .env.example does not list.
"""

import re

from common import ROOT, cpp_files, finish, read, tree_files

_NAME = re.compile(r'"([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)"')
_GETENV = re.compile(r"\bos\.environ\b|\b(?:secure_)?getenv\s*\(|\benviron\b(?!\s*=[^=])")  # handing a block to exec is no reading
_OURS = re.compile(r'"(TAU_[A-Z0-9_]+)"')
_EXAMPLE = re.compile(r"^#?\s?([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)=", re.MULTILINE)


def _table_files():
    lines = (ROOT / "tools" / "lint" / "env_sources").read_text(encoding="utf-8").splitlines()
    patterns = [line for line in lines if line and not line.startswith("#")]
    return sorted({path.relative_to(ROOT) for pattern in patterns for path in ROOT.glob(pattern)})


def main():
    findings, tables = [], _table_files()
    known = {name for path in tables for name in _NAME.findall(read(path))}
    example = ROOT / ".env.example"
    listed = set(_EXAMPLE.findall(example.read_text(encoding="utf-8"))) if example.exists() else set()
    findings += [f".env.example:1: {name} is missing, but the table has it" for name in sorted(known - listed)]
    findings += [f".env.example:1: {name} is read by nothing" for name in sorted(listed - known)]
    scripts = [path for path in tree_files() if path.parts[0] == "bindings" and path.suffix == ".py"]
    for path in cpp_files("lib", "capi", "examples") + scripts:
        if path in tables:
            continue
        for number, line in enumerate(read(path).split("\n"), 1):
            if _GETENV.search(line.split("//")[0]):
                findings.append(f"{path}:{number}: reads the environment outside the table (tools/lint/env_sources)")
            findings += [f"{path}:{number}: {name} is not in the table (tools/lint/env_sources)"
                         for name in _OURS.findall(line) if name not in known]
    finish(findings, f"{len(known)} environment variables, all listed in .env.example")


if __name__ == "__main__":
    main()

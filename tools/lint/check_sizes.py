"""Holds the size limits: 600 lines a file, 80 lines a function. Exceptions live in size_allowlist.txt and shrink only.

A line of the list: <path> <what> <lines> <reason>, where <what> is "file" or a function's name. An entry fails when
the thing is within the limit again, when it has grown past <lines>, or when it could be tightened by ten lines.
"""

from common import ROOT, cpp_files, finish, read, tree_files
from cpp_shape import functions

MAX_FILE, MAX_FUNCTION, SLACK = 600, 80, 10
_LIST = ROOT / "tools" / "lint" / "size_allowlist.txt"


def _allowed():
    """(path, what) -> lines."""
    table = {}
    for line in _LIST.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            path, what, lines, _reason = line.split(None, 3)
            table[path, what] = int(lines)
    return table


def _too_long():
    """Yields (path, line, what, lines, limit) for everything over its limit."""
    scripts = [path for path in tree_files() if path.suffix in (".py", ".js") and path.parts[0] != "bindings"]
    for path in cpp_files() + scripts:
        text = read(path)
        lines = text.count("\n")
        if lines > MAX_FILE:
            yield path, 1, "file", lines, MAX_FILE
        for name, line, length in functions(text) if path.suffix not in (".py", ".js") else []:
            if length > MAX_FUNCTION:
                yield path, line, name, length, MAX_FUNCTION


def main():
    findings, allowed, used = [], _allowed(), set()
    for path, line, what, lines, limit in _too_long():
        entry = allowed.get((str(path), what))
        used.add((str(path), what))
        if entry is None:
            findings.append(f"{path}:{line}: {what} has {lines} lines, the limit is {limit}; split it")
        elif lines > entry:
            findings.append(f"{path}:{line}: {what} grew to {lines} lines; the allow-list has {entry} and only shrinks")
        elif lines <= entry - SLACK:
            findings.append(f"{path}:{line}: {what} shrank to {lines} lines; lower {entry} in the allow-list")
    for path, what in sorted(set(allowed) - used):
        findings.append(f"tools/lint/size_allowlist.txt: {path} {what} is within the limit; remove the entry")
    finish(findings, f"no file over {MAX_FILE} lines, no function over {MAX_FUNCTION}")


if __name__ == "__main__":
    main()

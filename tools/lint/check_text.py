"""Text hygiene of every committed file: no machine paths, invisible characters, loose ends or secret-shaped literals."""

import re

from common import CPP_SUFFIXES, ROOT, finish, tree_files

# Built from parts so that this file passes its own rules.
_HOMES = "|".join(("work", "farm", "root"))
_EVERYWHERE = [
    (re.compile(rf"(?<![\w.])/(?:{_HOMES})/"), "path of one machine; take it from the environment or an argument"),
    (re.compile("/tmp" + "/b/"), "path of one machine"),
    (re.compile("[\u00a0\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]"),
     "invisible character; write an escape instead"),
    (re.compile(r"\b(?:TO" r"DO|FIX" r"ME|XX" r"X)\b(?!\(#\d+\))"), "loose end without an issue reference"),
    (re.compile(r"^(?:<{7}|>{7}|={7})(?:\s|$)"), "merge conflict marker"),
]
_SECRETS = [re.compile(pattern) for pattern in (
    r"\bAK" r"IA[0-9A-Z]{16}\b",
    r"\bsk-" r"(?:ant-|proj-|or-)?[A-Za-z0-9_-]{24,}",
    r"\bgh[pousr]_" r"[A-Za-z0-9]{36}",
    r"\bgithub_" r"pat_[A-Za-z0-9_]{40,}",
    r"\bxox[abprs]-" r"[A-Za-z0-9-]{12,}",
    r"\bAI" r"za[0-9A-Za-z_-]{35}",
    r"\beyJ" r"[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.",
    r"-----BEGIN " r"(?:[A-Z]+ )?PRIVATE KEY-----",
)]
_TAB_FREE = CPP_SUFFIXES | {".py", ".md", ".build", ".txt", ".toml", ".json", ".js", ".ts"}
# Recorded bytes are kept as they are: fuzz inputs and golden files.
_VERBATIM = re.compile(r"^fuzz/.*/corpus|^tests/.*/(?:golden|data)/")


def _line_faults(path, line):
    for pattern, fault in _EVERYWHERE:
        if pattern.search(line):
            yield fault
    if any(pattern.search(line) for pattern in _SECRETS):
        yield "secret-shaped literal; build it at run time"
    if line != line.rstrip():
        yield "trailing blanks"
    if "\t" in line and path.suffix in _TAB_FREE:
        yield "tab"


def main():
    findings, count = [], 0
    for path in tree_files():
        data = (ROOT / path).read_bytes()
        if b"\0" in data or _VERBATIM.match(str(path)):
            continue
        count += 1
        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError as error:
            findings.append(f"{path}:1: not UTF-8 at byte {error.start}")
            continue
        for number, line in enumerate(text.split("\n"), 1):
            findings += [f"{path}:{number}: {fault}" for fault in _line_faults(path, line)]
        if text and not text.endswith("\n"):
            findings.append(f"{path}:1: no line break at the end")
    finish(findings, f"{count} files are clean")


if __name__ == "__main__":
    main()

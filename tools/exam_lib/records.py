"""The data of exams: lines of JSON in plain or packed files."""

import json
import lzma


def files_of(path, stem=""):
    """The file `path`, or those of a folder whose names begin with `stem`, in order."""
    if path.is_file():
        return [path]
    return sorted(file for end in (".jsonl", ".jsonl.xz") for file in path.glob(f"{stem}*{end}"))


def lines_of(file):
    opener = lzma.open if file.suffix == ".xz" else open
    with opener(file, "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def records_of(path, stem=""):
    for file in files_of(path, stem):
        yield from lines_of(file)

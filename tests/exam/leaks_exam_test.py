#!/usr/bin/env python3
"""The exam of leaks counts right, and fails what it should: an exam that cannot fail proves nothing.

Usage: leaks_exam_test.py LIBTAU
"""

import json
import lzma
import random
import re
import subprocess
import sys
from pathlib import Path

from cases import run

ROOT = Path(__file__).resolve().parents[2]
EXAM = ROOT / "tools" / "exam_lib" / "leaks.py"
BUILD = Path(sys.argv[1]).resolve().parents[1]
sys.path.insert(0, str(EXAM.parent))
from instantiate import instantiate  # noqa: E402

TOKEN = [["lit", "token = \"gh" + "p_"], ["re", "[A-Za-z0-9]{36}"], ["lit", "\""]]


def line(rule, should_match, **content):
    return json.dumps({"rule": rule, "should_match": should_match} | content) + "\n"


def exam(path):
    done = subprocess.run([sys.executable, EXAM, "--build", BUILD, path], stdout=subprocess.PIPE, text=True, check=False)
    result = json.loads(done.stdout.splitlines()[-1]) if done.stdout else {}
    return done.returncode, *(result.get(key) for key in ("positives", "found", "negatives", "false_hits", "other_hits"))


def verdict_of(folder, *lines):
    (folder / "leak-some.jsonl").write_text("".join(lines), encoding="utf-8")
    return exam(folder / "leak-some.jsonl")


def cases(folder):
    """(what holds, whether it does)."""
    token, _ = instantiate(TOKEN, random.Random(1))
    yield "a recipe that is found passes", verdict_of(folder, line("github-pat", True, parts=TOKEN)) == (0, 1, 1, 0, 0, 0)
    yield "a text that is found passes", verdict_of(folder, line("github-pat", True, text=token)) == (0, 1, 1, 0, 0, 0)
    yield "a positive that is missed fails", verdict_of(
        folder, line("github-pat", True, text="nothing here")) == (1, 1, 0, 0, 0, 0)
    yield "a negative that its rule flags fails", verdict_of(
        folder, line("github-pat", False, text=token)) == (1, 0, 0, 1, 1, 0)
    yield "a negative that another rule flags is counted", verdict_of(
        folder, line("npm-access-token", False, text=token)) == (0, 0, 0, 1, 0, 1)
    yield "a rule that there is not is judged by its provider", verdict_of(
        folder, line("github-token-of-some-kind", False, text=token)) == (1, 0, 0, 1, 1, 0)
    yield "a finding beside what was drawn does not count", verdict_of(
        folder, line("x", True, parts=[["lit", token + " and "], ["re", "a{20}"]])) == (1, 1, 0, 0, 0, 0)
    with lzma.open(folder / "leak-more.jsonl.xz", "wt", encoding="utf-8") as file:
        file.write(line("github-pat", True, parts=TOKEN))
    (folder / "other.jsonl").write_text("not of this exam", encoding="utf-8")
    (folder / "leak-some.jsonl").write_text(line("github-pat", True, parts=TOKEN), encoding="utf-8")
    yield "a folder is examined file by file", exam(folder) == (0, 2, 2, 0, 0, 0)
    yield "data that is absent is told", exam(folder / "nothing")[0] == 2
    pattern = r"(?:ab|c)[\w.-]{3,5}\d=?"
    drawn = [instantiate([["lit", "é"], ["re", pattern]], random.Random(seed)) for seed in range(200)]
    yield "what is drawn matches its pattern", all(re.fullmatch("é" + pattern, text) for text, _ in drawn)
    yield "the place of what is drawn is told in bytes", all(
        spans == [(2, len(text.encode()))] for text, spans in drawn)


if __name__ == "__main__":
    run(cases)

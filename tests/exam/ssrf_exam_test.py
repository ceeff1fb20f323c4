#!/usr/bin/env python3
"""The exam of URLs counts right, and fails what it should: an exam that cannot fail proves nothing.

Usage: ssrf_exam_test.py LIBTAU
"""

import json
import lzma
import subprocess
import sys
from pathlib import Path

from cases import run

ROOT = Path(__file__).resolve().parents[2]
EXAM = ROOT / "tools" / "exam_lib" / "ssrf.py"
BUILD = Path(sys.argv[1]).resolve().parents[1]
DATA = ROOT.parent / "shared" / "data" / "safety"


def exam(path):
    done = subprocess.run([sys.executable, EXAM, "--build", BUILD, path], stdout=subprocess.PIPE, text=True, check=False)
    result = json.loads(done.stdout.splitlines()[-1]) if done.stdout else {}
    return done.returncode, result.get("cases"), result.get("correct")


def cases(folder):
    """(what holds, whether it does)."""
    def verdict_of(**case):
        (folder / "ssrf.jsonl").write_text(json.dumps(case) + "\n", encoding="utf-8")
        return exam(folder / "ssrf.jsonl")

    right, wrong = (0, 1, 1), (1, 1, 0)
    for expect, case, result in (
        ("reject", {"input": "http://a b/"}, right),
        ("reject", {"input": "http://127.0.0.1/"}, wrong),
        ("reject", {"input": "/x"}, right),
        ("reject", {"input": "/x", "base": "https://h/"}, wrong),
        ("block", {"input": "http://127.0.0.1/"}, right),
        ("block", {"input": "http://a b/"}, right),
        ("block", {"host": "::ffff:10.0.0.1"}, right),
        ("block", {"host": "not-an-address-of-ours.example"}, wrong),
        ("block", {"input": "https://8.8.8.8/"}, wrong),
        ("allow", {"host": "8.8.8.8"}, right),
        ("allow", {"host": "10.0.0.1"}, wrong),
        ("allow", {"host": "a.example"}, right),
        ("ip-ok", {"input": "http://[::8.8.8.8]/", "hostname": "[::808:808]"}, right),
        ("ip-ok", {"input": "http://[::8.8.8.8]/", "hostname": "[::1]"}, wrong),
        ("ip-ok", {"input": "http://h/", "hostname": "h"}, wrong),
        ("resolve", {"input": "//H.example/x", "base": "https://b/", "hostname": "h.example"}, right),
        ("resolve", {"input": "https://u@h.example/", "hostname": "h.example"}, right),
        ("resolve", {"input": "https://u@h.example/", "hostname": "u"}, wrong),
        ("resolve", {"input": "https://8.8.8.8/", "hostname": "8.8.8.8"}, wrong),
        ("resolve", {"input": "https://a b/", "hostname": "a b"}, wrong),
    ):
        yield f"{expect} of {json.dumps(case)}", verdict_of(expect=expect, **case) == result
    with lzma.open(folder / "ssrf-more.jsonl.xz", "wt", encoding="utf-8") as file:
        file.write(json.dumps({"host": "8.8.8.8", "expect": "allow"}) + "\n")
    (folder / "other.jsonl").write_text("not of this exam", encoding="utf-8")
    (folder / "ssrf.jsonl").write_text(json.dumps({"host": "8.8.8.8", "expect": "block"}) + "\n", encoding="utf-8")
    yield "a folder is examined file by file", exam(folder) == (1, 2, 1)
    yield "data that is absent is told", exam(folder / "nothing")[0] == 2
    (folder / "empty.jsonl").write_text("", encoding="utf-8")
    yield "no case is no success", exam(folder / "empty.jsonl")[0] == 1
    if DATA.exists():
        yield "every published vector is right", exam(DATA)[0] == 0


if __name__ == "__main__":
    run(cases)

#!/usr/bin/env python3
"""The exam of personal data counts right, and what it plants is what it says: an exam that cannot fail proves nothing.

Usage: pii_exam_test.py LIBTAU
"""

import gzip
import json
import lzma
import random
import subprocess
import sys
from pathlib import Path

from cases import run

ROOT = Path(__file__).resolve().parents[2]
EXAM = ROOT / "tools" / "exam_lib" / "pii.py"
BUILD = Path(sys.argv[1]).resolve().parents[1]
sys.path.insert(0, str(EXAM.parent))
import pii  # noqa: E402
import planted  # noqa: E402


def exam(path):
    done = subprocess.run([sys.executable, EXAM, "--build", BUILD, "--seed", "1", path], stdout=subprocess.PIPE, text=True, check=False)
    return done.returncode, json.loads(done.stdout.splitlines()[-1]) if done.stdout else {}


class Blind:
    """A scanner that finds nothing."""

    @staticmethod
    def findings(_):
        return []


def cases(folder):
    """(what holds, whether it does)."""
    (folder / "plain.txt").write_text("write to ana.diaz@example.org\nor not\n", encoding="utf-8")
    (folder / "deeper").mkdir()
    with gzip.open(folder / "deeper" / "packed.gz", "wt", encoding="utf-8") as file:
        file.write("from 203.0.113.7\n")
    with lzma.open(folder / "packed.xz", "wt", encoding="utf-8") as file:
        file.write("nobody here\n")
    (folder / "binary").write_bytes(b"\0\1 ana.diaz@example.org")
    (folder / "broken.gz").write_bytes(b"no gzip")
    code, result = exam(folder)
    yield "what is planted is found", code == 0 and min(result["found"].values()) >= pii.LEAST_FOUND
    yield "hits are counted by rule, in packed files too, not in binary ones", result["hits"] == {"email": 1, "ipv4-address": 1}
    yield "bytes are those of the texts", result["bytes"] == sum(
        len(text) for text in ("write to ana.diaz@example.org\nor not\n", "from 203.0.113.7\n", "nobody here\n"))
    yield "a folder that is none is told", exam(folder / "none")[0] == 2
    blind = pii.plant(Blind(), pii.rules_of(), 1)
    yield "a scanner that finds nothing has found nothing", not any(sum(score.values()) for score in blind.values())
    chance = random.Random(2)
    numbers = ["".join(c for c in planted.card(chance) if c.isdigit()) for _ in range(50)]
    yield "planted cards have their check digit", all(planted._luhn(number) == 0 for number in numbers)
    ibans = [planted.iban(chance).replace(" ", "") for _ in range(50)]
    yield "planted accounts have theirs", all(
        int("".join(str(int(c, 36)) for c in number[4:] + number[:4])) % 97 == 1 for number in ibans)


if __name__ == "__main__":
    run(cases)

#!/usr/bin/env python3
"""The exam of retrieval counts right.

Usage: retrieval_exam_test.py LIBTAU
"""

import json
import lzma
import subprocess
import sys
from pathlib import Path

from cases import run

ROOT = Path(__file__).resolve().parents[2]
EXAM = ROOT / "tools" / "exam_lib" / "retrieval.py"
BUILD = Path(sys.argv[1]).resolve().parents[1]


def exam(path):
    done = subprocess.run([sys.executable, EXAM, "--build", BUILD, path], stdout=subprocess.PIPE, text=True, check=False)
    return done.returncode, json.loads(done.stdout.splitlines()[-1])["sets"] if done.stdout else {}


def write(folder, **files):
    folder.mkdir(parents=True, exist_ok=True)
    for name, lines in files.items():
        with lzma.open(folder / f"{name}.jsonl.xz", "wt", encoding="utf-8") as file:
            file.writelines(json.dumps(line) + "\n" for line in lines)


def cases(folder):
    """(what holds, whether it does)."""
    write(folder / "plain",
          docs=[{"id": "1", "title": "Boats", "text": "Boats lie in the harbour"}, {"id": "2", "text": "The oven is broken"},
                {"id": "3", "text": ""}],
          queries=[{"id": "a", "text": "harbour boats"}, {"id": "b", "text": "broken oven"}, {"id": "c", "text": "no answer"}],
          qrels=[{"qid": "a", "docid": "1", "rel": 2}, {"qid": "b", "docid": "2", "rel": 1}, {"qid": "c", "docid": "1", "rel": 0}])
    perfect = {"queries": 2, "r_at_10": 1.0, "hit_at_1": 1.0, "ndcg_at_10": 1.0}
    yield "what is found first counts in full, and queries without an answer do not", exam(folder / "plain") == (0, {"plain": perfect})
    turns = [{"id": f"c{c}/{t}", "conv": f"c{c}", "session": t, "speaker": "Ada", "date": "1:56 pm on 8 May, 2023", "text": text}
             for c in (1, 2) for t, text in enumerate(("I painted a sunrise", "I bought a boat"), 1)]
    write(folder / "talks", docs=turns, queries=[{"id": "q", "conv": "c2", "text": "Who painted a sunrise?"}],
          qrels=[{"qid": "q", "docid": "c2/1", "rel": 1}])
    code, sets = exam(folder / "talks")
    yield "a conversation is searched alone, its sessions count", (
        code == 0 and sets["talks"] == {**perfect, "queries": 1, "session_hit_at_1": 1.0})
    code, sets = exam(folder)
    yield "a folder of folders is examined one by one", code == 0 and sorted(sets) == ["plain", "talks"]
    (folder / "empty").mkdir()
    yield "a folder without documents is told", exam(folder / "empty")[0] == 2


if __name__ == "__main__":
    run(cases)

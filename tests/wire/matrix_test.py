#!/usr/bin/env python3
"""Every dialect can be served from every other: what recordings and synthetic conversations say is the same after the way
from one dialect to another, but for what the table of losses (lib/wire/losses.json) names. A loss that the table names and
that no synthetic case shows is none: then the table is wrong.

Usage: matrix_test.py LIBTAU. Recordings are looked for in TAU_SHARED_DATA.
"""

import json
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tools" / "exam_lib"), str(ROOT / "tests" / "exam")]
import matrix  # noqa: E402
import matrix_cases as cases  # noqa: E402
import meaning  # noqa: E402
import recordings  # noqa: E402
from cases import run  # noqa: E402
from libtau import Libtau  # noqa: E402

NEUTRAL = "neutral"


def play(examined):
    """All synthetic cases through the matrix."""
    for name, request in cases.requests():
        examined.neutral("request", name, NEUTRAL, json.dumps(request))
    for name, dialect, body in cases.foreign_requests():
        examined.document("request", name, dialect, json.dumps(body))
    for name, answer in cases.answers():
        examined.neutral("answer", name, NEUTRAL, json.dumps(answer))
        examined.events(name, NEUTRAL, cases.lines_of(answer))
    for name, dialect, body in cases.foreign_answers():
        examined.document("answer", name, dialect, json.dumps(body))
        answered = json.loads(examined.library.decode(dialect, matrix.RESPONSE, json.dumps(body)))
        examined.events(name, dialect, cases.lines_of(answered))
    for error in cases.errors():
        examined.neutral_error(error["reason"], NEUTRAL, error)


def told(examined):
    for name, source, target, side, what in examined.failures:
        print(f"# {name}: {side} {source} -> {target}: {what}")
    return not examined.failures


def unseen(examined):
    """Losses of the table that nothing showed."""
    rows = sorted(set(examined.table) - set(examined.used))
    for dialect, side, kind in rows:
        print(f"# {dialect} loses no {kind} in a {side}")
    return rows


def would_be_seen():
    """The comparison sees what it is for: one that sees nothing would pass everything."""
    before = cases.request(cases.user(cases.text("Hello."), cases.IMAGE), *cases.used(cases.text("x")), seed=3)
    for change in (lambda r: r.pop("seed"), lambda r: r["messages"][0]["parts"].pop(1),
                   lambda r: r["messages"][0]["parts"].pop(0), lambda r: r["messages"].pop(),
                   lambda r: r["messages"][3]["parts"][0].update(call_id="other"),
                   lambda r: r["messages"][2]["parts"][0].update(arguments="{}")):
        after = json.loads(json.dumps(before))
        change(after)
        if not meaning.compare_requests(before, after):
            return False
    return not meaning.compare_requests(before, json.loads(json.dumps(before)))


def tests(_folder):
    library = Libtau(sys.argv[1])
    yield "the comparison sees a loss", would_be_seen()
    examined = matrix.Matrix(library, matrix.read_table())
    play(examined)
    yield f"synthetic conversations keep their meaning ({sum(map(sum, map(dict.values, examined.by_pair.values())))} pairs)", \
        told(examined)
    yield "every loss of the table occurs", not unseen(examined)
    folder = Path(os.environ.get("TAU_SHARED_DATA", recordings.DEFAULT.parent)) / "provider-recordings"
    files = recordings.files_of(folder)
    recorded = matrix.Matrix(library, matrix.read_table())
    matrix.examine(recorded, files)
    skipped = "" if files else f" # SKIP no recordings in {folder} (set TAU_SHARED_DATA)"
    yield f"recorded conversations keep their meaning{skipped}", told(recorded)


if __name__ == "__main__":
    run(tests)

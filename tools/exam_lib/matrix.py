#!/usr/bin/env python3
"""Recorded provider traffic from every dialect into every other one and back, through the C API: nothing of its meaning
may be lost but what the table of losses (lib/wire/losses.json) names.

PATH is a folder of recordings in the form of the exam "recordings", or one of its files. Each request and each answer is
decoded, encoded in every other dialect, decoded there and compared; each event stream goes event by event, in several
splits; each error answer ends a stream of every other dialect. "pairs" counts what went from one dialect to another.
"""

import argparse
import json
import random
import sys
from collections import Counter
from pathlib import Path

sys.dont_write_bytecode = True
import meaning  # noqa: E402
import recordings  # noqa: E402
from libtau import REQUEST, RESPONSE, Libtau, TauError  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
TABLE = ROOT / "lib" / "wire" / "losses.json"
DIALECTS = sorted(set(recordings.DIALECTS.values()))
SEED = 20_241_101
MOST_SHOWN = 20
MOST_PIECE = 300
DOCUMENTS = {"request": (REQUEST, meaning.compare_requests), "answer": (RESPONSE, meaning.compare_answers)}


def read_table():
    """(dialect, side, kind) -> the row that names the loss."""
    table = {}
    for row in json.loads(TABLE.read_text(encoding="utf-8"))["losses"]:
        for dialect in row["dialects"]:
            for side in row["sides"]:
                table[dialect, side, row["kind"]] = row
    return table


def splits_of(data, seed):
    """The data whole, in pieces of one size, and in pieces of random sizes."""
    yield [data]
    yield [data[at:at + 97] for at in range(0, len(data), 97)]
    chance, pieces, at = random.Random(seed), [], 0
    while at < len(data):
        size = chance.randint(1, MOST_PIECE)
        pieces.append(data[at:at + size])
        at += size
    yield pieces


def answer_in(lines):
    """The answer with which the events end."""
    return json.loads(lines.splitlines()[-1])["response"]


class Matrix:
    """Takes documents from one dialect to the others, and keeps count."""

    def __init__(self, library, table):
        self.library = library
        self.table = table
        self.used = Counter()
        self.lost = Counter()
        self.by_pair = {}
        self.failures = []

    def document(self, side, name, source, body):
        """A request or an answer, of its dialect."""
        self.neutral(side, name, source, self.library.decode(source, DOCUMENTS[side][0], body))

    def neutral(self, side, name, source, neutral):
        kind, compare = DOCUMENTS[side]
        for target in self.others(source):
            self.judge(name, source, target, side, lambda target=target: compare(json.loads(neutral), json.loads(
                self.library.decode(target, kind, self.library.encode(target, kind, neutral)))))

    def stream(self, name, source, body):
        data = body if isinstance(body, bytes) else body.encode()
        lines, *others = (self.library.decode_pieces(source, pieces, recordings.TOLERANT)
                          for pieces in splits_of(data, SEED))
        if any(other != lines for other in others):
            self.fail(name, source, source, "stream", "the split shows in the events")
        self.events(name, source, lines)

    def events(self, name, source, lines):
        for target in self.others(source):
            self.judge(name, source, target, "stream", lambda target=target: self.stream_differences(lines, target))

    def stream_differences(self, lines, target):
        encoded, *others = (self.library.encode_pieces(target, pieces) for pieces in splits_of(lines, SEED + 1))
        if any(other != encoded for other in others):
            return [("split", "the split of the events shows in the bytes")]
        heard, *others = (self.library.decode_pieces(target, pieces) for pieces in splits_of(encoded, SEED + 2))
        if any(other != heard for other in others):
            return [("split", "the split of the bytes shows in the events")]
        recordings.check_order([json.loads(line) for line in heard.splitlines()])
        return meaning.compare_answers(answer_in(lines), answer_in(heard))

    def error(self, name, source, status, body):
        """A failed answer ends a stream of the other dialect as the same failure."""
        self.neutral_error(name, source, self.library.decode_error(source, status, body))

    def neutral_error(self, name, source, error):
        event = json.dumps({"event": "error", "error": error}).encode() + b"\n"
        for target in self.others(source):
            self.judge(name, source, target, "error", lambda target=target: self.error_differences(error, event, target))

    def error_differences(self, error, event, target):
        encoded = self.library.encode_pieces(target, [event])
        try:
            self.library.decode_pieces(target, [encoded])
        except TauError as heard:
            found = meaning.Comparison()
            found.same("error.reason", error["reason"], heard.reason)
            if error["reason"] == heard.reason:
                found.same("error.code", error["code"], heard.status.lower())
            if error["message"] not in str(heard):
                found.note("error.message", error["message"], str(heard))
            return found.found
        return [("error", "the failure passed for an answer")]

    @staticmethod
    def others(source):
        return [dialect for dialect in DIALECTS if dialect != source]

    def judge(self, name, source, target, side, differences):
        """One document from one dialect to another."""
        pair = self.by_pair.setdefault(f"{source} -> {target}", Counter())
        try:
            found = differences()
        except TauError as error:
            found = [(f"refused.{error.reason}", str(error))]
        except (recordings.Failure, ValueError, KeyError) as error:
            found = [("unreadable", f"{type(error).__name__} {error}")]
        for kind in {kind for kind, _ in found}:
            if (target, side, kind) in self.table:
                self.used[target, side, kind] += 1
                self.lost[kind] += 1
        unnamed = [(kind, how) for kind, how in found if (target, side, kind) not in self.table]
        pair["failed" if unnamed else "passed"] += 1
        for kind, how in unnamed:
            self.fail(name, source, target, side, f"{kind}: {how}")

    def fail(self, name, source, target, side, what):
        self.failures.append((name, source, target, side, what))

    def interaction(self, name, dialect, interaction):
        """Whatever was asked and answered; an answer that its own dialect cannot read is no pair."""
        request, response = interaction["request"], interaction["response"]
        body = recordings.body_of(response)
        try:
            self.document("request", name, dialect, request["body"])
            if not 200 <= response["status"] < 300:
                self.error(name, dialect, response["status"], body)
            elif recordings.is_stream(body):
                self.stream(name, dialect, body)
            else:
                self.document("answer", name, dialect, body)
        except TauError as error:
            if not error.reason or error.reason in recordings.UNREADABLE:
                self.fail(name, dialect, dialect, "decode", str(error))


def result_of(matrix):
    """The line for programs."""
    total = sum(matrix.by_pair.values(), Counter())
    return {"pairs": total["passed"] + total["failed"], "passed": total["passed"], "failed": total["failed"],
            "lost": dict(sorted(matrix.lost.items())),
            "by_pair": {pair: {"passed": score["passed"], "failed": score["failed"]}
                        for pair, score in sorted(matrix.by_pair.items())}}


def show_failures(matrix):
    for name, source, target, side, what in matrix.failures[:MOST_SHOWN]:
        print(f"FAILED {name}: {side} {source} -> {target}: {what}", flush=True)
    if len(matrix.failures) > MOST_SHOWN:
        print(f"and {len(matrix.failures) - MOST_SHOWN} more")


def show_pairs(matrix):
    print(f"{'from':20} {'to':20} {'passed':>8} {'failed':>8}")
    for pair, score in sorted(matrix.by_pair.items()):
        source, target = pair.split(" -> ")
        print(f"{source:20} {target:20} {score['passed']:8} {score['failed']:8}")


def examine(matrix, files):
    for _, file in files:
        for name, interaction in recordings.interactions_of(file):
            if dialect := recordings.dialect_of(interaction):
                matrix.interaction(name, dialect, interaction)


def parse_args(argv):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=Path, required=True, help="the build folder, with the library")
    parser.add_argument("path", nargs="?", type=Path, default=recordings.DEFAULT)
    return parser.parse_args(argv)


def main(argv):
    args = parse_args(argv)
    files = recordings.files_of(args.path)
    if not files:
        print(f"error: no *.jsonl or *.jsonl.xz in {args.path}; give a folder or file of recordings", file=sys.stderr)
        return 2
    matrix = Matrix(Libtau(args.build), read_table())
    examine(matrix, files)
    show_failures(matrix)
    show_pairs(matrix)
    result = result_of(matrix)
    print(json.dumps(result), flush=True)
    return 1 if matrix.failures or result["pairs"] == 0 else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

#!/usr/bin/env python3
"""Credentials in text through the built-in rules: what is found of what should be, and what is flagged wrongly.

PATH is a folder with *.jsonl or *.jsonl.xz files, or one of them. A line is a recipe {"rule", "parts": [["lit", text] |
["re", regex]], "should_match"}, made into a text by a generator whose seed is drawn anew for each run (--seed repeats
one), or {"rule", "text", "should_match"}.

A positive counts as found when a finding covers part of what was generated (with "text": when there is a finding). A
negative is wrongly flagged when its own rule does it, or one of no provider ("generic"), or, where no rule has that name,
one of the same provider; others may rightly see something else there and are counted as "other_hits".
"""

import argparse
import json
import lzma
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path

sys.dont_write_bytecode = True
from instantiate import instantiate  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
DEFAULT = ROOT.parent / "shared" / "data" / "safety"
RULES = ROOT / "lib" / "safety" / "rules.json"
MOST_SHOWN = 30


class Scanner:
    """The native half: text in, findings out."""

    def __init__(self, program):
        self._process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def findings(self, text):
        data = text.encode("utf-8", "surrogatepass")
        self._process.stdin.write(b"%d\n%s" % (len(data), data))
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise SystemExit("error: the scanner ended")
        return json.loads(answer)

    def close(self):
        self._process.stdin.close()
        self._process.wait()


def files_of(path):
    return [path] if path.is_file() else sorted(file for pattern in ("leak*.jsonl", "leak*.jsonl.xz")
                                                for file in path.glob(pattern))


def cases_of(path, generator):
    """(rule, text, [spans that must be found], should match)."""
    for file in files_of(path):
        opener = lzma.open if file.suffix == ".xz" else open
        with opener(file, "rt", encoding="utf-8") as lines:
            for case in map(json.loads, lines):
                if "parts" in case:
                    text, spans = instantiate(case["parts"], generator)
                else:
                    text, spans = case["text"], []
                yield case["rule"], text, spans, case["should_match"]


def covers(finding, spans):
    begin, end = finding["offset"], finding["offset"] + finding["length"]
    return not spans or any(begin < last and first < end for first, last in spans)


def is_false(finding, rule, known):
    """Whether the finding of a negative counts against its rule."""
    if finding["rule"] == rule or finding["rule"].startswith("generic"):
        return rule.startswith("generic") or finding["rule"] == rule
    return rule not in known and finding["rule"].split("-")[0] == rule.split("-")[0]


def examine(scanner, cases, known):
    total, by_rule, shown = Counter(), {}, 0
    for rule, text, spans, should_match in cases:
        findings = scanner.findings(text)
        score = by_rule.setdefault(rule, Counter())
        if should_match:
            score["positives"] += 1
            good = any(covers(finding, spans) for finding in findings)
            score["found"] += good
        else:
            score["negatives"] += 1
            wrong = any(is_false(finding, rule, known) for finding in findings)
            score["false_hits"] += wrong
            score["other_hits"] += bool(findings) and not wrong
            good = not wrong
        if not good and shown < MOST_SHOWN:
            shown += 1
            print(f"{'missed' if should_match else 'false '} {rule}: {', '.join(f['rule'] for f in findings)}", flush=True)
    for score in by_rule.values():
        total.update(score)
    return total, by_rule


def report(total, by_rule, seed):
    columns = ("positives", "found", "negatives", "false_hits", "other_hits")
    print(f"{'rule':44} " + " ".join(f"{column:>10}" for column in columns))
    for rule, score in sorted(by_rule.items()):
        if score["found"] < score["positives"] or score["false_hits"]:
            print(f"{rule:44} " + " ".join(f"{score[column]:10}" for column in columns))
    print(f"{'all':44} " + " ".join(f"{total[column]:10}" for column in columns))
    print(json.dumps({column: total[column] for column in columns} | {"seed": seed}), flush=True)
    return total["false_hits"] == 0 and total["found"] * 10 >= total["positives"] * 9


def parse_args(argv):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=Path, required=True, help="the build folder, with the native half")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32), help="of the generated texts")
    parser.add_argument("path", nargs="?", type=Path, default=DEFAULT)
    return parser.parse_args(argv)


def main(argv):
    args = parse_args(argv)
    if not files_of(args.path):
        print(f"error: no leak*.jsonl or leak*.jsonl.xz in {args.path}; give a folder or file of recipes", file=sys.stderr)
        return 2
    known = {rule["id"] for rule in json.loads(RULES.read_text(encoding="utf-8"))["rules"]}
    scanner = Scanner(args.build / "tests" / "exam" / "scan_exam")
    total, by_rule = examine(scanner, cases_of(args.path, random.Random(args.seed)), known)
    scanner.close()
    return 0 if report(total, by_rule, args.seed) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

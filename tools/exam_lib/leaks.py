#!/usr/bin/env python3
"""Credentials in text through the built-in rules: what is found of what should be, and what is flagged wrongly.

PATH is a folder with *.jsonl or *.jsonl.xz files, or one of them. A line is a recipe {"rule", "parts": [["lit", text] |
["re", regex]], "should_match"}, made into a text by a generator whose seed is drawn anew for each run (--seed repeats
one), or {"rule", "text", "should_match"}.

A positive counts as found when a finding covers part of what was generated (with "text": when there is a finding). A
negative is wrongly flagged when its own rule does it, or one of no provider ("generic"), or, where no rule has that name,
one of the same provider; others may rightly see something else there and are counted as "other_hits".
"""

import json
import random
import sys
from collections import Counter

sys.dont_write_bytecode = True
import exam_args  # noqa: E402
import records  # noqa: E402
from instantiate import instantiate  # noqa: E402
from libtau import Libtau, Scanner  # noqa: E402

RULES = exam_args.ROOT / "lib" / "safety" / "rules.json"
MOST_SHOWN = 30


def cases_of(path, generator):
    """(rule, text, [spans that must be found], should match)."""
    for case in records.records_of(path, "leak"):
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


def check_pieces(scanner, text, number):
    """What is taken out of a text does not depend on how it comes."""
    data = text.encode("utf-8", "surrogatepass")
    cut = number * 7 % len(data) if data else 0
    if scanner.redact_pieces([data[:cut], data[cut:]]) != scanner.redact(data):
        raise SystemExit(f"error: text {number} comes out differently when it is cut at {cut}")


def examine(scanner, cases, known):
    total, by_rule, shown = Counter(), {}, 0
    for number, (rule, text, spans, should_match) in enumerate(cases, 1):
        findings = scanner.findings(text)
        check_pieces(scanner, text, number)
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
    parser = exam_args.parser(__doc__)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32), help="of the generated texts")
    return parser.parse_args(argv)


def main(argv):
    args = parse_args(argv)
    if not records.files_of(args.path, "leak"):
        return exam_args.no_data("leak", args.path, "recipes")
    known = {rule["id"] for rule in json.loads(RULES.read_text(encoding="utf-8"))["rules"]}
    scanner = Scanner(Libtau(args.build))
    total, by_rule = examine(scanner, cases_of(args.path, random.Random(args.seed)), known)
    return 0 if report(total, by_rule, args.seed) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

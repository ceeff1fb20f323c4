#!/usr/bin/env python3
"""Signals of prompt injection: what is flagged of attacks and of harmless text, source by source.

PATH is a file or a folder with injection*.jsonl or .jsonl.xz. A line is {"source", "text", "label": "injection" | "benign",
"channel"}; channel "tool" is what a tool returned, anything else what a person wrote.

A text is flagged when it has any signal. "unseen" is what would be flagged if the family of patterns that catches most of that
source did not exist: it stands for attacks of a kind that nobody wrote patterns for.
"""

import json
import sys
from collections import Counter

sys.dont_write_bytecode = True
import exam_args  # noqa: E402
import records  # noqa: E402
from libtau import Libtau  # noqa: E402



def examine(library, texts, verbose):
    """(source, label) -> the families of each of its texts."""
    found = {}
    for text in texts:
        families = library.injection_families(text["text"], text.get("channel") != "tool")
        found.setdefault((text["source"], text["label"]), []).append(families)
        if verbose and bool(families) != (text["label"] == "injection"):
            print(f"{'false ' if families else 'missed'} {text['source']}: {', '.join(families)} {text['text'][-120:]!r}")
    return found


def row_of(families):
    counts = Counter(name for names in families for name in names)
    main = counts.most_common(1)[0][0] if counts else ""
    flagged = sum(bool(names) for names in families)
    unseen = sum(any(name != main for name in names) for names in families)
    return len(families), flagged, main, unseen


def report_families(found):
    """In how many texts of each label a family shows."""
    shown = {}
    for (_, label), families in found.items():
        for name in (name for names in families for name in names):
            shown.setdefault(name, Counter())[label] += 1
    print(f"\n{'family':28} {'injection':>10} {'benign':>7}")
    for name, counts in sorted(shown.items()):
        print(f"{name:28} {counts['injection']:10} {counts['benign']:7}")


def report(found):
    print(f"{'source':28} {'label':10} {'n':>6} {'flagged':>8} {'share':>7}  {'main family':22} {'unseen':>7}")
    by_source, sums = {}, {}
    for (source, label), families in sorted(found.items()):
        n, flagged, main, unseen = row_of(families)
        print(f"{source:28} {label:10} {n:6} {flagged:8} {flagged / n:7.1%}  {main:22} {unseen / n:7.1%}")
        name = source if len({l for s, l in found if s == source}) == 1 else f"{source}:{label}"
        by_source[name] = {"n": n, "flagged": flagged, "label": label, "unseen": unseen}
        total = sums.setdefault(label, [0, 0, 0])
        for i, value in enumerate((n, flagged, unseen)):
            total[i] += value
    for label, (n, flagged, unseen) in sorted(sums.items()):
        print(f"{'all':28} {label:10} {n:6} {flagged:8} {flagged / n:7.1%}  {'':22} {unseen / n:7.1%}")
    report_families(found)
    print(json.dumps({"by_source": by_source}), flush=True)


def parse_args(argv):
    parser = exam_args.parser(__doc__)
    parser.add_argument("--verbose", action="store_true", help="show what is missed and what is flagged wrongly")
    return parser.parse_args(argv)


def main(argv):
    args = parse_args(argv)
    found = examine(Libtau(args.build), records.records_of(args.path, "injection"), args.verbose)
    if not found:
        return exam_args.no_data("injection", args.path, "texts")
    report(found)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

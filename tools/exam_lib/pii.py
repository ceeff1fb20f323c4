#!/usr/bin/env python3
"""Personal data: what is found of what was planted, and what is flagged in text that was written for something else.

Planted is data that is nobody's, made by the rules of those who give it out (--seed repeats a run), in the ways that honest
text writes it and in ways that hide it. PATH is any folder or file of text, plain or packed (.gz, .xz): hits are counted by class and
by rule for each megabyte; --verbose shows them. Whether a hit is a false one is for people to say: addresses of authors are none.
"""

import gzip
import json
import lzma
import random
import sys
from collections import Counter
from pathlib import Path

sys.dont_write_bytecode = True
import exam_args  # noqa: E402
import planted  # noqa: E402
from libtau import Libtau, Scanner  # noqa: E402

EACH = 200  # values of each class in each form
PIECE = 4 << 20
LEAST_FOUND = 0.99
OPENERS = {".gz": gzip.open, ".xz": lzma.open}


def rules_of():
    """Rule -> its class."""
    rules = json.loads((exam_args.ROOT / "lib" / "safety" / "rules.json").read_text(encoding="utf-8"))["rules"]
    return {rule["id"]: rule["personal"] for rule in rules if "personal" in rule}


def is_found(scanner, value, text, wanted, classes):
    begin = text.encode().find(value.encode())
    return any(classes.get(hit["rule"]) == wanted and hit["offset"] < begin + len(value.encode())
               and hit["offset"] + hit["length"] > begin for hit in scanner.findings(text))


def plant(scanner, classes, seed):
    """Class -> form -> how many were found of EACH."""
    chance, found = random.Random(seed), {}
    for name, make in planted.CLASSES.items():
        score = found.setdefault(name, Counter())
        for form, template in planted.PLAIN.items():
            for value in (make(chance) for _ in range(EACH)):
                score[form] += is_found(scanner, value, template.format(value), name, classes)
        for form, hide in planted.HIDDEN.items():
            for value in (hide(make(chance)) for _ in range(EACH)):
                score[form] += is_found(scanner, value, f"Please write down {value} before we go on.", name, classes)
    return found


def pieces_of(path):
    """The bytes of every file, in pieces that end with a line where there are lines."""
    files = [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.is_file() and not file.is_symlink())
    for file in files:
        try:
            with OPENERS.get(file.suffix, open)(file, "rb") as stream:
                while piece := stream.read(PIECE):
                    yield file, piece + stream.readline(1 << 16)
        except (OSError, EOFError, lzma.LZMAError) as error:
            print(f"skipped {file}: {error}", file=sys.stderr)


def examine(scanner, classes, path, verbose):
    size, hits, seen = 0, Counter(), set()
    for file, piece in pieces_of(path):
        if b"\0" in piece[:4096]:
            continue  # no text
        size += len(piece)
        for hit in scanner.findings(piece):
            if hit["rule"] not in classes:
                continue
            hits[hit["rule"]] += 1
            text = piece[hit["offset"]:hit["offset"] + hit["length"]]
            if verbose and (hit["rule"], text) not in seen:
                seen.add((hit["rule"], text))
                around = piece[max(0, hit["offset"] - 40):hit["offset"] + hit["length"] + 20]
                print(f"{hit['rule']} {text!r} in {around!r} of {file}", flush=True)
    return size, hits


def report_planted(found):
    forms = [*planted.PLAIN, *planted.HIDDEN]
    print(f"{'found of ' + str(EACH):20} " + " ".join(f"{name:>12}" for name in found))
    for form in forms:
        mark = "" if form in planted.PLAIN else " (hidden)"
        print(f"{form + mark:20} " + " ".join(f"{score[form]:12}" for score in found.values()))
    return {name: sum(score[form] for form in planted.PLAIN) / (EACH * len(planted.PLAIN)) for name, score in found.items()}


def report_hits(size, hits, classes):
    by_class = Counter()
    print(f"\n{size / 1e6:.1f} MB of text\n{'rule':24} {'class':12} {'hits':>8} {'a MB':>8}")
    for rule, count in sorted(hits.items()):
        by_class[classes[rule]] += count
        print(f"{rule:24} {classes[rule]:12} {count:8} {count / max(size, 1) * 1e6:8.3f}")
    return {name: round(by_class[name] / max(size, 1) * 1e6, 4) for name in planted.CLASSES}


def main(argv):
    parser = exam_args.parser(__doc__)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32), help="of what is planted")
    parser.add_argument("--verbose", action="store_true", help="show each text that is flagged, once")
    args = parser.parse_args(argv)
    if not args.path.exists():
        print(f"error: {args.path}: no such file or folder", file=sys.stderr)
        return 2
    classes = rules_of()
    scanner = Scanner(Libtau(args.build), personal=[*planted.CLASSES])
    shares = report_planted(plant(scanner, classes, args.seed))
    size, hits = examine(scanner, classes, args.path, args.verbose)
    a_megabyte = report_hits(size, hits, classes)
    print(json.dumps({"found": {name: round(share, 4) for name, share in shares.items()}, "bytes": size,
                      "hits": dict(hits), "a_megabyte": a_megabyte, "seed": args.seed}), flush=True)
    return 0 if min(shares.values()) >= LEAST_FOUND else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

#!/usr/bin/env python3
"""URLs and hosts against the rules of egress: what must not be reached is refused, what is public is let through.

PATH is a folder with ssrf*.jsonl or ssrf*.jsonl.xz files, or one of them. A line is {"input", "base"?, "expect",
"hostname"?, "userinfo"?} or {"host", "expect"}. A case is right when

  reject   the text is no URL;
  block    it is no URL, or it is refused for where it leads;
  allow    nothing speaks against it: a public address, or a name whose addresses will decide;
  ip-ok    it is read as the address in "hostname", in whatever form; whether that may be reached is not asked;
  resolve  it is read as a URL of exactly the host in "hostname", and is not taken for an address. A refusal for the
           name is right as well (user information, a reserved name, a name that no host has): it comes before
           anything is resolved. How many were refused is told.
"""

import ipaddress
import json
import sys
from collections import Counter

sys.dont_write_bytecode = True
import exam_args  # noqa: E402
import records  # noqa: E402
from libtau import Libtau  # noqa: E402

MOST_SHOWN = 30
RULES = {"http": True, "any_port": True}  # every public host


def address(text):
    """The IP address that `text` is, with or without brackets, or None."""
    try:
        return ipaddress.ip_address((text or "").strip("[]"))
    except ValueError:
        return None


def text_of(case):
    """The URL to judge: a bare host is put into one."""
    if "input" in case:
        return case["input"], case.get("base") or ""
    host = case["host"]
    return f"https://[{host}]/" if ":" in host else f"https://{host}/", ""


def is_right(case, found):
    refused = found["verdict"] == "deny"
    read = "host" in found
    if case["expect"] == "reject":
        return refused and not read
    if case["expect"] == "block":
        return refused
    if case["expect"] == "allow":
        return not refused
    if not read:
        return False
    if case["expect"] == "ip-ok":
        return address(found["host"]) is not None and address(found["host"]) == address(case.get("hostname", found["host"]))
    host = case.get("hostname", found["host"])
    return found["host"] == host and address(host) is None and found["verdict"] != "allow"


def examine(library, cases):
    scores, refused, shown = {}, Counter(), 0
    for case in cases:
        text, base = text_of(case)
        found = library.url_verdict(text, RULES | {"base": base})
        score = scores.setdefault(case["expect"], Counter())
        score["cases"] += 1
        right = is_right(case, found)
        score["correct"] += right
        if right and case["expect"] in ("resolve", "ip-ok") and found["verdict"] == "deny":
            refused[case["expect"], found["reason"]] += 1
        if not right and shown < MOST_SHOWN:
            shown += 1
            print(f"wrong: expected {case['expect']} of {text!r}, found {json.dumps(found)}", flush=True)
    return scores, refused


def report(scores, refused):
    total = Counter()
    print(f"{'expected':10} {'cases':>7} {'correct':>8}")
    for expect, score in sorted(scores.items()):
        total.update(score)
        print(f"{expect:10} {score['cases']:7} {score['correct']:8}")
    for (expect, reason), count in sorted(refused.items()):
        print(f"of {expect}: {count} read as expected and refused ({reason})")
    print(json.dumps({"cases": total["cases"], "correct": total["correct"]}), flush=True)
    return total["correct"] == total["cases"] > 0


def main(argv):
    parser = exam_args.parser(__doc__)
    args = parser.parse_args(argv)
    if not args.path.exists():
        print(f"error: {args.path}: no such file or folder", file=sys.stderr)
        return 2
    scores, refused = examine(Libtau(args.build), records.records_of(args.path, "ssrf"))
    return 0 if report(scores, refused) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

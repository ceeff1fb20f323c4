#!/usr/bin/env python3
"""Checks the data files of lib/safety and makes the C++ source that holds them.

Usage: safety_tables.py rules.json bigrams.txt > tables.cpp. What the checks refuse fails the build; a bundle that comes
from outside is checked by the library itself (lib/safety/bundle.cpp), patterns by a test.
"""

import json
import re
import sys
from pathlib import Path
from re import _parser  # Python 3.11 has the parser of re only here

KINDS = {"token", "assigned", "named", "block", "form"}
MEMBERS = {"id", "kind", "words", "after", "never", "context", "match", "least", "most", "left", "random", "fold", "rare", "quoted", "span",
           "checksum", "floor", "personal", "begins", "around_at", "over"}
SYMBOLS = 28
MOST_BYTES = 4096
LEAST_SPAN = 16
MOST_REPEATS = 1000
DELIMITER = "tables"


def fault_of(rule):
    """What is wrong with a rule, or None."""
    if unknown := set(rule) - MEMBERS:
        return f"unknown members {', '.join(sorted(unknown))}"
    if not re.fullmatch(r"[a-z0-9-]{1,64}", rule["id"]):
        return "its id has other characters than lower-case letters, digits and hyphens"
    if rule["kind"] not in KINDS:
        return f"unknown kind {rule['kind']}"
    if rule["kind"] == "form":
        if not rule.get("personal") or not (rule.get("begins") and rule.get("over") or rule.get("around_at")):
            return "a form needs a class of personal data, how it begins and what it may have"
    elif not rule["words"] or any(len(word) < 3 for word in rule["words"]):
        return "its words have less than three bytes"
    if not LEAST_SPAN <= rule.get("span", LEAST_SPAN) <= MOST_BYTES:
        return f"its span is not between {LEAST_SPAN} and {MOST_BYTES}"
    if any(int(number) > MOST_REPEATS for number in re.findall(r"(?<=[{,])\d+(?=[,}])", rule["match"])):
        return f"its pattern repeats more than {MOST_REPEATS} times, which RE2 refuses"
    pattern = re.compile(rule["match"])
    if rule["kind"] == "token" and pattern.match(""):
        return "its pattern matches nothing at all"
    return None


def widths_of(pattern):
    """The lengths that a value may have: what is shorter or longer needs no look at the pattern."""
    least, most = _parser.parse(pattern).getwidth()
    return max(least, 1), min(int(most), MOST_BYTES)


def checked_rules(text):
    bundle = json.loads(text)
    ids = set()
    for rule in bundle["rules"]:
        if fault := fault_of(rule):
            sys.exit(f"rules.json: {rule['id']}: {fault}")
        if rule["id"] in ids:
            sys.exit(f"rules.json: {rule['id']} stands twice")
        ids.add(rule["id"])
        if rule["kind"] in ("assigned", "named"):
            rule["least"], rule["most"] = widths_of(rule["match"])
    return json.dumps(bundle, separators=(",", ":"))


def checked_bigrams(text):
    rows = text.splitlines()
    if len(rows) != SYMBOLS or any(len(row) != SYMBOLS for row in rows):
        sys.exit(f"bigrams.txt: expected {SYMBOLS} rows of {SYMBOLS} characters")
    return rows


def main():
    rules, bigrams = (Path(name).read_text(encoding="utf-8") for name in sys.argv[1:3])
    text = checked_rules(rules)
    pieces = "\n".join(f'    R"{DELIMITER}({text[at:at + 8000]}){DELIMITER}"' for at in range(0, len(text), 8000))
    rows = "\n".join(f'    R"{DELIMITER}({row}){DELIMITER}",' for row in checked_bigrams(bigrams))
    print(f"""// Made by tools/gen/safety_tables.py from lib/safety/rules.json and bigrams.txt; edit those.
#include "safety/tables.h"

namespace tau::safety {{

const std::string_view kBuiltInRules =
{pieces};

const char kBigrams[{SYMBOLS}][{SYMBOLS + 1}] = {{
{rows}
}};

}}  // namespace tau::safety""")


if __name__ == "__main__":
    main()

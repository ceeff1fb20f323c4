"""The table of what a dialect cannot carry, in docs/dialects.md, from lib/wire/losses.json, by which tests judge."""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lint"))
from common import ROOT  # noqa: E402

TABLE = ROOT / "lib" / "wire" / "losses.json"
PAGE = ROOT / "docs" / "dialects.md"
BEGIN, END = "<!-- losses: generated from lib/wire/losses.json -->\n", "<!-- end of losses -->\n"
DIALECTS = ("openai_chat", "openai_responses", "anthropic_messages", "gemini", "bedrock_converse", "cohere_chat", "ollama_chat")
FATES = {"dropped", "replaced", "changed", "moved", "added", "refused"}
SIDES = {"request": "requests", "answer": "answers", "stream": "streams", "error": "errors"}
MEMBERS = {"kind", "dialects", "sides", "fate", "what"}


def fault_of(row):
    """What is wrong with a row, or None."""
    if set(row) != MEMBERS:
        return f"its members are not {', '.join(sorted(MEMBERS))}"
    if row["fate"] not in FATES:
        return f"unknown fate {row['fate']}"
    if unknown := (set(row["dialects"]) - set(DIALECTS)) | (set(row["sides"]) - set(SIDES)):
        return f"unknown {', '.join(sorted(unknown))}"
    return None


def rows():
    table = json.loads(TABLE.read_text(encoding="utf-8"))["losses"]
    named = set()
    for row in table:
        places = {(row.get("kind"), dialect, side) for dialect in row.get("dialects", ()) for side in row.get("sides", ())}
        if fault := fault_of(row) or (named & places and "it stands twice"):
            sys.exit(f"{TABLE.relative_to(ROOT)}: {row.get('kind')}: {fault}")
        named |= places
    return table


def _dialects(row):
    if len(row["dialects"]) == len(DIALECTS):
        return "all"
    return ", ".join(f"`{dialect}`" for dialect in DIALECTS if dialect in row["dialects"])


def section():
    lines = ["| lost | to | in | what happens |", "|---|---|---|---|"]
    lines += [f"| `{row['kind']}` | {_dialects(row)} | {', '.join(SIDES[side] for side in row['sides'])} | {row['fate']}: {row['what']} |"
              for row in rows()]
    return "\n".join(lines) + "\n"


def render():
    """The page with the table as it should be."""
    page = PAGE.read_text(encoding="utf-8")
    before, mark, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not mark or not end:
        sys.exit(f"{PAGE.relative_to(ROOT)}: no place for the table of losses")
    return before + BEGIN + section() + END + after

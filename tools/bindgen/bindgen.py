#!/usr/bin/env python3
"""Generates everything that follows from the public C headers.

  bindgen.py generate     rewrite the committed outputs (needs clang)
  bindgen.py check        fail when a committed output is stale or a header breaks the dialect; 77 without clang
  bindgen.py emit WHAT    print one output made from the committed capi/api.json: layout-test, options-table,
                        junk-calls, thread-table
  bindgen.py events       compare the event table of event.h with lib/agent/event.cpp and docs/schema/events.json
"""

import argparse
import difflib
import json
import sys
from pathlib import Path

import api
import dialect
import emit_c
import emit_ctypes
import emit_docs
import emit_junk
import emit_napi
import events
import parse
import threads

ROOT = Path(__file__).resolve().parents[2]
_SKIPPED = 77


def _outputs(doc, root):
    """Committed file -> text, all from the api document (and, for events, its schema)."""
    package = Path("bindings/python/tau")
    node = Path("bindings/node")
    outputs = {
        Path("capi/api.json"): api.dump(doc),
        Path("capi/libtau.map"): emit_c.symbol_map(doc),
        package / "_abi.py": emit_ctypes.module(doc),
        package / "_abi.pyi": emit_ctypes.stub(doc),
        node / "src" / "table.inc": emit_napi.table(doc),
        node / "libtau" / "native.js": emit_napi.script(doc),
        node / "libtau" / "native.d.ts": emit_napi.declarations(doc),
    }
    for name, text in emit_docs.pages(doc).items():
        outputs[Path("docs/c-api") / name] = text
    schema = json.loads((root / "docs/schema/events.json").read_text(encoding="utf-8"))
    outputs[Path("docs/events.md")] = emit_docs.events_page(doc, schema)
    return outputs


def _parse(root):
    """The api document of the headers, or exits with every breach of the dialect."""
    clang = parse.find_clang()
    if clang is None:
        print("skipped: clang is not installed; it is needed to read the headers")
        sys.exit(_SKIPPED)
    try:
        model, problems = parse.read_model(root, clang)
    except parse.ParseError as error:
        sys.exit(f"clang refuses the headers:\n{error}")
    problems += dialect.check(model)
    if problems:
        print("\n".join(problems))
        sys.exit(1)
    return api.document(model)


def generate(root):
    for path, text in _outputs(_parse(root), root).items():
        target = root / path
        if not target.exists() or target.read_text(encoding="utf-8") != text:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
            print(path)


def _stale(root, outputs):
    for path, text in outputs.items():
        target = root / path
        committed = target.read_text(encoding="utf-8") if target.exists() else ""
        if committed != text:
            diff = difflib.unified_diff(committed.splitlines(), text.splitlines(), "committed", "generated",
                                        lineterm="", n=1)
            yield f"{path}:1: stale; run tools/bindgen/bindgen.py generate\n" + "\n".join(list(diff)[:20])
    wanted = {path.name for path in outputs if path.parent == Path("docs/c-api")}
    for page in (root / "docs/c-api").glob("*.md"):
        if page.name not in wanted:
            yield f"docs/c-api/{page.name}:1: belongs to no header; remove it"


def check(root):
    doc = _parse(root)
    outputs = _outputs(doc, root)
    findings = list(_stale(root, outputs))
    print("\n".join(findings) or f"{len(outputs)} generated files are fresh, {len(doc['functions'])} functions")
    sys.exit(1 if findings else 0)


def emit(root, what):
    doc = api.load(root / "capi/api.json")
    makers = {"layout-test": emit_c.layout_test, "options-table": emit_c.options_table,
              "junk-calls": emit_junk.calls, "thread-table": threads.rows}
    sys.stdout.write(makers[what](doc))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=("generate", "check", "emit", "events"))
    parser.add_argument("what", nargs="?", choices=("layout-test", "options-table", "junk-calls", "thread-table"))
    parser.add_argument("--root", type=Path, default=ROOT)
    arguments = parser.parse_args()
    if arguments.command == "emit":
        if arguments.what is None:
            parser.error("emit what?")
        emit(arguments.root, arguments.what)
    elif arguments.command == "events":
        findings = events.check(arguments.root)
        print("\n".join(findings) or "the event tables agree")
        sys.exit(1 if findings else 0)
    else:
        {"generate": generate, "check": check}[arguments.command](arguments.root)


if __name__ == "__main__":
    main()

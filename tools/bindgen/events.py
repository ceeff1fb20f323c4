"""One table of event kinds: the enum of event.h, the names in lib/agent/event.cpp and the schema must agree."""

import json
import re

import api


def _names_in_cpp(text):
    block = re.search(r"kNames\[\]\s*=\s*\{(.*?)\};", text, re.S)
    return re.findall(r'"(\w+)"', block.group(1)) if block else []


def _variants(schema):
    """Event name -> its definition, in the order of `oneOf`."""
    bodies = [schema["$defs"][variant["$ref"].rpartition("/")[2]] for variant in schema["oneOf"]]
    return {body["properties"]["event"]["const"]: body for body in bodies}


def check(root):
    doc = api.load(root / "capi/api.json")
    values = doc["scalars"]["tau_event_kind"]["values"]
    declared = {value["name"].removeprefix("TAU_EVENT_").lower(): value["value"] for value in values}
    findings = []

    names = _names_in_cpp((root / "lib/agent/event.cpp").read_text(encoding="utf-8"))
    spoken = {name: number for number, name in enumerate(names)}
    if spoken != declared:
        differ = sorted(spoken.items() ^ declared.items())
        findings.append(f"lib/agent/event.cpp:1: kNames and event.h differ in {differ}")

    schema = json.loads((root / "docs/schema/events.json").read_text(encoding="utf-8"))
    described = list(_variants(schema))
    wanted = [name for name in sorted(declared, key=declared.get) if name != "none"]
    if described != wanted:
        findings.append(f"docs/schema/events.json:1: kinds are {described}, event.h has {wanted}")
    for name, body in _variants(schema).items():
        for key in body["required"]:
            if key not in body["properties"]:
                findings.append(f"docs/schema/events.json:1: {name} requires {key} but does not describe it")
        if not body.get("description"):
            findings.append(f"docs/schema/events.json:1: {name} has no description")
    return findings

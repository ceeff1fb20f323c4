"""capi/api.json: the model as a committed, sorted document that everything else is generated from."""

import json

import threads

_PRIVATE = ("where", "text", "variadic", "exported")


def _published(value):
    if isinstance(value, dict):
        return {key: _published(item) for key, item in value.items() if key not in _PRIVATE}
    if isinstance(value, list):
        return [_published(item) for item in value]
    return value


def _function(name, function):
    doc = function["doc"]
    return {**_published({k: v for k, v in function.items() if k != "params"}),
            "contract": threads.contract(name, function),
            "params": [{"name": p["name"], "type": p["type"]} for p in function["params"]],
            "doc": doc}


def document(model):
    constants = model["constants"]
    return {
        "abi": {"major": constants["TAU_ABI_MAJOR"]["value"], "minor": constants["TAU_ABI_MINOR"]["value"]},
        "version": constants["TAU_VERSION_STRING"]["value"],
        **{kind: _published(model[kind])
           for kind in ("callbacks", "constants", "handles", "headers", "scalars", "structs")},
        "functions": {name: _function(name, function) for name, function in model["functions"].items()},
    }


def dump(doc):
    return json.dumps(doc, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def load(path):
    return json.loads(path.read_text(encoding="utf-8"))


# What several emitters want to know.

def declaration(name, returns, params):
    """A C prototype; broken after commas when it does not fit in 100 columns."""
    def typed(type_text, what):
        return type_text + what if type_text.endswith("*") else f"{type_text} {what}"
    head = typed(returns, name) + "("
    items = [typed(p["type"], p["name"]) for p in params] or ["void"]
    lines, line = [], head
    for i, item in enumerate(items):
        piece = item + (");" if i == len(items) - 1 else ", ")
        if len(line) + len(piece.rstrip()) > 100 and line != head:
            lines.append(line.rstrip())
            line = " " * len(head)
        line += piece
    return "\n".join([*lines, line])


def by_header(doc, kind, header):
    """(name, item) of one header, in the order of names."""
    return [(name, item) for name, item in sorted(doc[kind].items()) if item["header"] == header]


def enumerator_prefix(values):
    """What all names of an enum share, cut at an underscore: TAU_EVENT_."""
    names = [value["name"] for value in values]
    prefix = names[0]
    for name in names[1:]:
        while not name.startswith(prefix):
            prefix = prefix[:-1]
    return prefix[:prefix.rfind("_") + 1]


def structs_in_order(doc):
    """Struct names so that each comes after those that it contains or points to."""
    done = []

    def visit(name):
        if name in done:
            return
        for field in doc["structs"][name]["fields"]:
            base = field["type"].replace("const ", "").replace("struct ", "").rstrip("* ")
            if base in doc["structs"] and base != name:
                visit(base)
        done.append(name)

    for name in sorted(doc["structs"]):
        visit(name)
    return done

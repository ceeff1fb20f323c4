"""Reads include/tau/*.h with clang and makes the model of the C API: plain dicts and lists, ready to be JSON.

Clang's AST dump supplies declarations, evaluated enumerators and the place of every comment; the comment text
itself is cut out of the source. Object-like macros with a literal value are not in the AST and are read by pattern.
"""

import json
import re
import shutil
import subprocess
from pathlib import Path

import docs
import layout

_MACRO = re.compile(r"^#define[ \t]+(TAU_\w+)(\([^)]*\))?(?:[ \t]+((?:.*\\\n)*.*))?$", re.M)
_INTEGER = re.compile(r"^(0[xX][0-9a-fA-F]+|[0-9]+)[uU]?[lL]{0,2}$")
_SIZE_MAX = 2**64 - 1


class ParseError(Exception):
    """The headers cannot be read at all: clang is missing or refuses them."""


def find_clang():
    for name in ("clang", *(f"clang-{major}" for major in range(21, 10, -1))):
        path = shutil.which(name)
        if path:
            return path
    return None


def _ast(clang, header):
    command = [clang, "-std=c11", "-x", "c", "-Xclang", "-ast-dump=json", "-fparse-all-comments", "-fsyntax-only",
               str(header)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise ParseError(result.stderr.strip())
    return json.loads(result.stdout)


def _resolve_locations(node, state):
    """Clang prints file and line only when they differ from the location printed before: fill them in."""
    if isinstance(node, list):
        for item in node:
            _resolve_locations(item, state)
        return
    if not isinstance(node, dict):
        return
    if "offset" in node and "col" in node:
        state["file"] = node.setdefault("file", state.get("file"))
        state["line"] = node.setdefault("line", state.get("line"))
        return
    for value in node.values():
        if isinstance(value, (dict, list)):
            _resolve_locations(value, state)


def _place(location):
    return location.get("expansionLoc", location)


class _Reader:
    def __init__(self, root, tree):
        self.root = root
        self.folder = root / "include" / "tau"
        self.tree = tree
        self.sources = {}
        self.problems = []
        self.last_scalar = None

    def source(self, file):
        if file not in self.sources:
            self.sources[file] = Path(file).read_bytes()
        return self.sources[file]

    def where(self, node):
        place = _place(node["loc"])
        return f"{Path(place['file']).relative_to(self.root)}:{place['line']}"

    def header(self, node):
        return Path(_place(node["loc"])["file"]).name

    def comment(self, node):
        for inner in node.get("inner", ()):
            if inner["kind"] == "FullComment":
                begin, end = _place(inner["range"]["begin"]), _place(inner["range"]["end"])
                return docs.plain(self.source(begin["file"])[begin["offset"]:end["offset"]].decode())
        return ""

    def text(self, node):
        """The declaration as written, blanks squeezed."""
        begin, end = _place(node["range"]["begin"]), _place(node["range"]["end"])
        stop = end["offset"] + end.get("tokLen", 0)
        return " ".join(self.source(begin["file"])[begin["offset"]:stop].decode().split())

    def is_ours(self, node):
        file = _place(node.get("loc", {})).get("file")
        return bool(file) and Path(file).parent == self.folder

    # One method per kind of declaration.

    def typedef(self, node, model):
        name, type_text = node["name"], node["type"]["qualType"]
        where, common = self.where(node), {"header": self.header(node), "doc": self.comment(node)}
        if "(*)" in type_text:
            names = re.findall(r"(\w+)\s*(?=[,)])", self.text(node).split(")(", 1)[-1])
            returns, _, types = type_text.partition(" (*)(")
            types = [t.strip() for t in types.rstrip(")").split(",")] if types != ")" else []
            if len(names) != len(types):
                self.problems.append(f"{where}: a parameter of {name} has no name")
                names = [f"arg{i}" for i in range(len(types))]
            model["callbacks"][name] = {**common, "returns": returns, "where": where,
                                        "params": [{"name": n, "type": t} for n, t in zip(names, types)]}
        elif type_text.startswith(("struct ", "union ", "enum ")):
            tag = type_text.split()[-1]
            if tag != name:
                self.problems.append(f"{where}: typedef {name} names {type_text}; tag and typedef must be equal")
        else:
            model["scalars"][name] = {**common, "type": type_text, "where": where}
            self.last_scalar = name

    def record(self, node, model):
        name, where = node.get("name", ""), self.where(node)
        if node["tagUsed"] != "struct":
            self.problems.append(f"{where}: {node['tagUsed']} {name}; only structs cross the ABI")
        if not node.get("completeDefinition"):
            handle = {"header": self.header(node), "doc": self.comment(node), "where": where}
            if name not in model["structs"]:
                model["handles"].setdefault(name, handle)
            return
        fields = []
        for field in node.get("inner", ()):
            if field["kind"] != "FieldDecl":
                continue
            if field.get("isBitfield"):
                self.problems.append(f"{self.where(field)}: bit-field {field.get('name')}; use flags")
            fields.append({"name": field.get("name", ""), "type": field["type"]["qualType"],
                           "doc": self.comment(field), "where": self.where(field)})
        model["structs"][name] = {"header": self.header(node), "doc": self.comment(node), "fields": fields,
                                  "where": where}
        model["handles"].pop(name, None)

    def enum(self, node, model):
        where = self.where(node)
        if node.get("name"):
            self.problems.append(f"{where}: enum {node['name']} has a tag; its size is the compiler's choice: use a "
                                 "fixed-width typedef followed by an enum without tag")
            return
        scalar = model["scalars"].get(self.last_scalar)
        if scalar is None or "values" in scalar:
            self.problems.append(f"{where}: enum without the fixed-width typedef right before it")
            return
        scalar["values"] = [self.enumerator(value) for value in node["inner"] if value["kind"] == "EnumConstantDecl"]

    def enumerator(self, node):
        if not node.get("inner") or node["inner"][0]["kind"] == "FullComment":
            self.problems.append(f"{self.where(node)}: {node['name']} needs an explicit value")
            return {"name": node["name"], "value": None, "doc": ""}
        inner = node["inner"][0]
        while "value" not in inner:
            inner = inner["inner"][0]
        return {"name": node["name"], "value": int(inner["value"]), "doc": self.comment(node)}

    def function(self, node, model):
        type_text = node["type"]["qualType"]
        model["functions"][node["name"]] = {
            "header": self.header(node),
            "returns": type_text.split("(", 1)[0].strip(),
            "params": [{"name": p.get("name", ""), "type": p["type"]["qualType"], "text": self.text(p)}
                       for p in node.get("inner", ()) if p["kind"] == "ParmVarDecl"],
            "variadic": bool(node.get("variadic")),
            "exported": any(i["kind"] == "VisibilityAttr" for i in node.get("inner", ())),
            "comment": self.comment(node),
            "where": self.where(node),
        }

    def read(self):
        model = {"scalars": {}, "callbacks": {}, "handles": {}, "structs": {}, "functions": {}}
        readers = {"TypedefDecl": self.typedef, "RecordDecl": self.record, "EnumDecl": self.enum,
                   "FunctionDecl": self.function}
        for node in self.tree["inner"]:
            if not self.is_ours(node):
                continue
            if node["kind"] in readers:
                readers[node["kind"]](node, model)
            else:
                self.problems.append(f"{self.where(node)}: {node['kind']}; headers declare types and functions only")
        return model


def _macros(folder, problems):
    """Object-like macros with a literal value, and the names of initialisers."""
    constants, initialisers = {}, set()
    for path in sorted(folder.glob("*.h")):
        text = path.read_text(encoding="utf-8")
        for match in _MACRO.finditer(text):
            name, arguments, value = match.group(1), match.group(2), (match.group(3) or "").strip()
            where = f"include/tau/{path.name}:{text.count(chr(10), 0, match.start()) + 1}"
            if arguments:
                problems.append(f"{where}: {name} is a function-like macro; no binding can call it")
            elif name.endswith("_INIT"):
                initialisers.add(name)
            elif _INTEGER.match(value):
                constants[name] = {"header": path.name, "value": int(_INTEGER.match(value).group(1), 0)}
            elif value == "SIZE_MAX":
                constants[name] = {"header": path.name, "value": _SIZE_MAX}
            elif re.fullmatch(r'"[^"\\]*"', value):
                constants[name] = {"header": path.name, "value": value[1:-1]}
            elif value and name != "TAU_API":
                problems.append(f"{where}: {name} is neither a literal nor an initialiser")
    return constants, initialisers


def read_model(root, clang):
    """(model, problems): the API of the headers below `root`, and what in them cannot be expressed in it."""
    root = Path(root).resolve()
    header = root / "include" / "tau" / "tau.h"
    tree = _ast(clang, header)
    _resolve_locations(tree, {})
    reader = _Reader(root, tree)
    model = reader.read()
    model["constants"], initialisers = _macros(reader.folder, reader.problems)
    model["headers"] = {path.name: {"doc": docs.file_comment(path.read_text(encoding="utf-8"))}
                        for path in sorted(reader.folder.glob("*.h"))}
    for name, struct in model["structs"].items():
        init = name + "_init"
        struct["init_macro"] = name.upper() + "_INIT" if name.upper() + "_INIT" in initialisers else None
        struct["init_function"] = init if init in model["functions"] else None
        layout.place_fields(name, struct, model, reader.problems)
    for name, function in model["functions"].items():
        names = [p["name"] for p in function["params"]]
        comment = function.pop("comment")
        reader.problems += [f"{function['where']}: {name}: `{tag}:` must begin its line; was the comment reflowed?"
                            for tag in docs.inline_tags(comment)]
        function["doc"] = docs.parse(comment, names)
    return model, reader.problems

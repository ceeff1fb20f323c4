"""JSON Schema from Python annotations, and the way back: JSON values to the annotated types.

Known: str, int, float, bool, None, list, dict with string keys, tuple, set, Optional and unions, Literal, Enum,
dataclasses, TypedDict, Annotated[T, "description"], Any. Anything else is a TypeError that names the parameter.
"""

from __future__ import annotations

import dataclasses
import enum
import inspect
import re
import types
import typing
from typing import Annotated, Any, Literal, Union

if typing.TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Json = dict[str, Any]

_PLAIN: dict[Any, str] = {str: "string", int: "integer", float: "number", bool: "boolean", type(None): "null"}
# TypedDict's marks; Python 3.10 has none.
_MARKS: tuple[Any, ...] = tuple(getattr(typing, name) for name in ("Required", "NotRequired") if hasattr(typing, name))
_UNIONS: tuple[Any, ...] = (Union, getattr(types, "UnionType", Union))
_JSON_TYPES: dict[Any, Any] = {str: str, int: int, float: (int, float), bool: bool, type(None): type(None), list: list, dict: dict}


def describe(annotation: Any, where: str = "value", _inside: tuple[Any, ...] = ()) -> Json:
    """The JSON Schema of an annotation."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if annotation is Any or annotation is inspect.Parameter.empty or annotation is object:
        return {}
    if annotation is None or annotation in _PLAIN:
        return {"type": _PLAIN[type(None) if annotation is None else annotation]}
    if origin is Annotated:
        schema = dict(describe(arguments[0], where, _inside))
        notes = [note for note in arguments[1:] if isinstance(note, str)]
        return {**schema, "description": notes[0]} if notes else schema
    if origin in _UNIONS:
        return _union([describe(item, where, _inside) for item in arguments])
    if origin is Literal:
        return _choices(list(arguments))
    if annotation in (list, set, tuple) or origin in (list, set, frozenset):
        items = describe(arguments[0], f"{where}[]", _inside) if arguments else {}
        unique = {"uniqueItems": True} if annotation is set or origin in (set, frozenset) else {}
        return {"type": "array", **({"items": items} if items else {}), **unique}
    if origin is tuple:
        return _tuple(arguments, where, _inside)
    if annotation is dict or origin is dict:
        return _dict(arguments, where, _inside)
    if isinstance(annotation, type):
        if annotation in _inside:
            raise TypeError(f"{where}: {annotation.__name__} contains itself; a schema is a finite tree here")
        if issubclass(annotation, enum.Enum):
            return _choices([member.value for member in annotation])
        if dataclasses.is_dataclass(annotation) or typing.is_typeddict(annotation):
            return _object(annotation, where, (*_inside, annotation))
    raise TypeError(f"{where}: no JSON Schema for {annotation!r}")


def _choices(values: list[Any]) -> Json:
    kinds = {_PLAIN.get(type(value)) for value in values}
    if None in kinds:
        raise TypeError(f"choices must be plain JSON values, not {values!r}")
    return {"type": kinds.pop(), "enum": values} if len(kinds) == 1 else {"enum": values}


def _union(schemas: list[Json]) -> Json:
    """Plain types join in one list: Optional[str] is {"type": ["string", "null"]}."""
    if all(set(schema) == {"type"} and isinstance(schema["type"], str) for schema in schemas):
        return {"type": [schema["type"] for schema in schemas]}
    return {"anyOf": schemas}


def _tuple(arguments: tuple[Any, ...], where: str, inside: tuple[Any, ...]) -> Json:
    if len(arguments) == 2 and arguments[1] is Ellipsis:
        return {"type": "array", "items": describe(arguments[0], f"{where}[]", inside)}
    items = [describe(item, f"{where}[{i}]", inside) for i, item in enumerate(arguments)]
    return {"type": "array", "prefixItems": items, "minItems": len(items), "maxItems": len(items)}


def _dict(arguments: tuple[Any, ...], where: str, inside: tuple[Any, ...]) -> Json:
    if not arguments:
        return {"type": "object"}
    if arguments[0] is not str:
        raise TypeError(f"{where}: keys of JSON objects are strings, not {arguments[0]!r}")
    values = describe(arguments[1], f"{where}{{}}", inside)
    return {"type": "object", **({"additionalProperties": values} if values else {})}


def _fields(cls: Any) -> Iterator[tuple[str, Any, bool, Any]]:
    """(name, annotation, required, default) of a dataclass or TypedDict."""
    hints = typing.get_type_hints(cls, include_extras=True)
    if typing.is_typeddict(cls):
        for name, annotation in hints.items():
            if typing.get_origin(annotation) in _MARKS:
                annotation = typing.get_args(annotation)[0]
            yield name, annotation, name in cls.__required_keys__, dataclasses.MISSING
        return
    for field in dataclasses.fields(cls):
        if field.init:
            required = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
            yield field.name, hints[field.name], required, field.default


def _object(cls: Any, where: str, inside: tuple[Any, ...]) -> Json:
    properties: Json = {}
    required = []
    for name, annotation, needed, default in _fields(cls):
        properties[name] = _with_default(describe(annotation, f"{where}.{name}", inside), default)
        if needed:
            required.append(name)
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def _with_default(schema: Json, default: Any) -> Json:
    if isinstance(default, enum.Enum):
        default = default.value
    return {**schema, "default": default} if isinstance(default, (str, int, float, bool)) else schema


def decode(annotation: Any, value: Any) -> Any:
    """The Python value of a JSON value that fits describe(annotation)."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (Annotated, *_MARKS):
        return decode(arguments[0], value)
    if origin in _UNIONS:
        return _decode_union(arguments, value)
    if origin in (list, set, frozenset) or annotation in (set, tuple):
        items = [decode(arguments[0], item) if arguments else item for item in value]
        return items if origin is list else (origin or annotation)(items)
    if origin is tuple:
        kinds = [arguments[0]] * len(value) if len(arguments) == 2 and arguments[1] is Ellipsis else arguments
        return tuple(decode(kind, item) for kind, item in zip(kinds, value))
    if origin is dict:
        return {key: decode(arguments[1], item) for key, item in value.items()}
    if annotation is float:
        return float(value)
    if annotation is int and isinstance(value, float):
        return int(value)  # JSON has one kind of number: 2.0 is an integer
    if isinstance(annotation, type) and origin is None:
        if issubclass(annotation, enum.Enum):
            return annotation(value)
        if dataclasses.is_dataclass(annotation) or typing.is_typeddict(annotation):
            known = {name: kind for name, kind, _, _ in _fields(annotation)}
            return annotation(**{name: decode(known[name], item) for name, item in value.items() if name in known})
    return value


def _decode_union(arguments: tuple[Any, ...], value: Any) -> Any:
    """The first alternative that the value fits."""
    for kind in arguments:
        if fits(kind, value):
            return decode(kind, value)
    return decode(int, value) if int in arguments else value


def fits(annotation: Any, value: Any) -> bool:
    """Whether decode(annotation, value) would make sense; used to choose between alternatives of a union."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (Annotated, *_MARKS):
        return fits(arguments[0], value)
    if annotation is Any:
        return True
    if origin is Literal:
        return value in arguments
    if origin in _UNIONS:
        return any(fits(kind, value) for kind in arguments)
    base = origin or annotation
    if base in (set, frozenset, tuple):
        base = list
    if base in _JSON_TYPES:
        return isinstance(value, _JSON_TYPES[base]) and (base is bool or not isinstance(value, bool))
    if isinstance(base, type) and issubclass(base, enum.Enum):
        return any(value == member.value for member in base)
    if isinstance(value, dict):
        fields = list(_fields(base))
        return all(name in value for name, _, needed, _ in fields if needed) and set(value) <= {f[0] for f in fields}
    return False


_ARGS_HEAD = re.compile(r"^\s*(?:Args|Arguments|Parameters):\s*$")
_SECTION = re.compile(r"^\s*(?:Returns?|Raises|Yields|Examples?|Notes?):\s*$")
_GOOGLE = re.compile(r"^\s+\*{0,2}(\w+)\s*(?:\([^)]*\))?:\s*(.*)$")
_SPHINX = re.compile(r"^\s*:param\s+(?:[^:]*\s)?(\w+):\s*(.*)$")


def split_docstring(text: str | None) -> tuple[str, dict[str, str]]:
    """(description, {parameter: description}) of a docstring in Google or Sphinx style."""
    description: list[str] = []
    parameters: dict[str, str] = {}
    current, section = "", "text"
    for line in inspect.cleandoc(text or "").split("\n"):
        sphinx = _SPHINX.match(line)
        if sphinx:
            current, section = sphinx.group(1), "sphinx"
            parameters[current] = sphinx.group(2)
        elif _ARGS_HEAD.match(line):
            section, current = "args", ""
        elif _SECTION.match(line) or line.lstrip().startswith((":return", ":raises", ":rtype")):
            section = "other"
        elif section == "args" and (google := _GOOGLE.match(line)) and _indent(line) <= 4:
            current = google.group(1)
            parameters[current] = google.group(2)
        elif section in ("args", "sphinx") and current and line.strip():
            parameters[current] = f"{parameters[current]} {line.strip()}".strip()
        elif section == "text":
            description.append(line)
    return "\n".join(description).strip(), parameters


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def parameters(function: Callable[..., Any]) -> tuple[Json, Callable[[Json], Json]]:
    """(JSON Schema of the arguments, function that turns parsed arguments into keyword arguments)."""
    hints = typing.get_type_hints(function, include_extras=True)
    _, described = split_docstring(function.__doc__)
    properties: Json = {}
    required = []
    kinds: dict[str, Any] = {}
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD, parameter.POSITIONAL_ONLY):
            raise TypeError(f"{function.__name__}: a tool takes named arguments only, not {parameter}")
        annotation = hints.get(name, Any)
        schema = _with_default(describe(annotation, f"{function.__name__}({name})"), parameter.default)
        if name in described and "description" not in schema:
            schema = {**schema, "description": described[name]}
        properties[name], kinds[name] = schema, annotation
        if parameter.default is parameter.empty:
            required.append(name)
    schema = {"type": "object", "properties": properties, "required": required, "additionalProperties": False}
    plain = {name for name, annotation in kinds.items() if annotation in (str, bool, Any)}  # decode() changes nothing
    return schema, lambda values: {name: value if name in plain or type(value) is kinds[name] in (int, float)
                                   else decode(kinds[name], value) for name, value in values.items()}

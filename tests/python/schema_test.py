"""Schemas from annotations, and JSON values back to Python."""

import dataclasses
import enum
import typing
import unittest
from typing import Annotated, Any, Literal, Optional, TypedDict, Union

import tap
import tau
from tau import schema
from tau.tools import Tool, as_tool, result_text


class Color(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


@dataclasses.dataclass
class Point:
    x: int
    y: int = 0


@dataclasses.dataclass
class Shape:
    points: list[Point]
    color: Color = Color.RED
    label: Optional[str] = None
    tags: list[str] = dataclasses.field(default_factory=list)


class Person(TypedDict, total=False):
    name: str
    age: int


@dataclasses.dataclass
class Node:
    next: "Optional[Node]" = None


POINT = {"type": "object", "properties": {"x": {"type": "integer"}, "y": {"type": "integer", "default": 0}},
         "required": ["x"], "additionalProperties": False}


class Describe(unittest.TestCase):
    CASES = [
        (str, {"type": "string"}),
        (int, {"type": "integer"}),
        (float, {"type": "number"}),
        (bool, {"type": "boolean"}),
        (None, {"type": "null"}),
        (Any, {}),
        (list, {"type": "array"}),
        (list[int], {"type": "array", "items": {"type": "integer"}}),
        (typing.List[str], {"type": "array", "items": {"type": "string"}}),
        (set[str], {"type": "array", "items": {"type": "string"}, "uniqueItems": True}),
        (tuple[int, ...], {"type": "array", "items": {"type": "integer"}}),
        (tuple[int, str], {"type": "array", "prefixItems": [{"type": "integer"}, {"type": "string"}], "minItems": 2,
                           "maxItems": 2}),
        (dict, {"type": "object"}),
        (dict[str, float], {"type": "object", "additionalProperties": {"type": "number"}}),
        (dict[str, Any], {"type": "object"}),
        (Optional[str], {"type": ["string", "null"]}),
        (int | str, {"type": ["integer", "string"]}),
        (Union[int, list[int]], {"anyOf": [{"type": "integer"}, {"type": "array", "items": {"type": "integer"}}]}),
        (Literal["a", "b"], {"type": "string", "enum": ["a", "b"]}),
        (Literal[1, "b"], {"enum": [1, "b"]}),
        (Color, {"type": "string", "enum": ["red", "blue"]}),
        (Level, {"type": "integer", "enum": [1, 2]}),
        (Annotated[int, "how many"], {"type": "integer", "description": "how many"}),
        (Point, POINT),
        (Person, {"type": "object", "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
                  "required": [], "additionalProperties": False}),
        (list[Point], {"type": "array", "items": POINT}),
    ]

    def test_known_annotations(self):
        for annotation, expected in self.CASES:
            with self.subTest(annotation=annotation):
                self.assertEqual(schema.describe(annotation), expected)

    def test_defaults_of_dataclasses_are_shown_and_not_required(self):
        found = schema.describe(Shape)
        self.assertEqual(found["required"], ["points"])
        self.assertEqual(found["properties"]["color"]["default"], "red")
        self.assertNotIn("default", found["properties"]["tags"])

    def test_unknown_annotation_names_the_place(self):
        def f(when: bytes): ...
        with self.assertRaisesRegex(TypeError, r"f\(when\): no JSON Schema"):
            schema.parameters(f)
        with self.assertRaisesRegex(TypeError, "keys of JSON objects are strings"):
            schema.describe(dict[int, str])

    def test_recursive_type_is_refused(self):
        with self.assertRaisesRegex(TypeError, "contains itself"):
            schema.describe(Node)


class Decode(unittest.TestCase):
    CASES = [
        (Point, {"x": 1}, Point(1)),
        (Shape, {"points": [{"x": 1, "y": 2}], "color": "blue"}, Shape([Point(1, 2)], Color.BLUE)),
        (Color, "red", Color.RED),
        (float, 3, 3.0),
        (set[int], [1, 2], {1, 2}),
        (tuple[int, str], [1, "a"], (1, "a")),
        (dict[str, Point], {"a": {"x": 1}}, {"a": Point(1)}),
        (Optional[Point], None, None),
        (Optional[Point], {"x": 3}, Point(3)),
        (Union[Person, Point], {"x": 3}, Point(3)),
        (Union[bool, int], 1, 1),
        (Union[list[int], Color], "blue", Color.BLUE),
        (Annotated[Level, "how loud"], 2, Level.HIGH),
        (Person, {"name": "Ann"}, {"name": "Ann"}),
        (Any, {"a": [1]}, {"a": [1]}),
    ]

    def test_values_come_back_as_annotated(self):
        for annotation, value, expected in self.CASES:
            with self.subTest(annotation=annotation):
                found = schema.decode(annotation, value)
                self.assertEqual(found, expected)
                self.assertIs(type(found), type(expected))


class Tools(unittest.TestCase):
    def test_signature_and_docstring_make_the_manifest(self):
        def search(query: str, limit: int = 10, color: Color = Color.RED):
            """Searches the shop.

            Looks at everything
            twice.

            Args:
                query: what to look for,
                    in plain words
                limit (int): at most so many
            Returns:
                the hits
            """
        made = Tool.of(search, effect="read", parallel=True)
        self.assertEqual(made.name, "search")
        self.assertEqual(made.description, "Searches the shop.\n\nLooks at everything\ntwice.")
        self.assertEqual(made.parameters, {
            "type": "object", "required": ["query"], "additionalProperties": False, "properties": {
                "query": {"type": "string", "description": "what to look for, in plain words"},
                "limit": {"type": "integer", "default": 10, "description": "at most so many"},
                "color": {"type": "string", "enum": ["red", "blue"], "default": "red"}}})
        self.assertEqual(made.decode({"query": "x", "color": "blue"}), {"query": "x", "color": Color.BLUE})
        self.assertEqual(made.manifest(), (1, 1))

    def test_sphinx_docstring(self):
        text, parameters = schema.split_docstring(
            "Adds.\n\n:param int a: the first\n:param b: the\n  second\n:returns: sum")
        self.assertEqual((text, parameters), ("Adds.", {"a": "the first", "b": "the second"}))

    def test_function_without_docstring_or_annotations(self):
        made = Tool.of(lambda x: x, name="same")
        self.assertEqual(made.parameters["properties"], {"x": {}})
        self.assertTrue(made.description)

    def test_open_signatures_are_refused(self):
        for function in (lambda *a: a, lambda **k: k, lambda a, /: a):
            with self.assertRaisesRegex(TypeError, "named arguments only"):
                Tool.of(function)

    def test_unknown_effect_is_refused(self):
        with self.assertRaisesRegex(ValueError, "none of pure, read, write"):
            Tool("t", "", {}, effect="magic").manifest()

    def test_a_tool_that_does_not_say_is_irreversible(self):
        self.assertEqual(Tool("t", "", {}).manifest(), (5, 0))

    def test_marked_function_stays_a_function(self):
        @tau.tool(effect="pure", name="plus")
        def add(a: int, b: int) -> int:
            return a + b
        self.assertEqual(add(2, 3), 5)
        self.assertEqual((as_tool(add).name, as_tool(add).effect), ("plus", "pure"))

    def test_results_become_text(self):
        cases = [("plain", "plain"), (5, "5"), (None, "null"), ({"a": [1]}, '{"a":[1]}'),
                 (Point(1, 2), '{"x":1,"y":2}'), (Color.RED, '"red"'), ({3, 1}, "[1,3]"), (b"raw", '"raw"'), ("é", "é")]
        for value, expected in cases:
            with self.subTest(value=value):
                self.assertEqual(result_text(value), expected)


if __name__ == "__main__":
    tap.main()

"""The complete Python examples of the documents run; a scripted model stands in for the one they name."""

import contextlib
import io
import os
import re
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import tap
import tau
from support import turn

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = {"turns": [turn(calls=[("add", {"a": 2, "b": 3})]), turn("It is 5.")]}


def examples(page):
    found = re.findall(r"^```python\n(.*?)^```", (ROOT / page).read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    return [text for text in found if text.startswith("import tau\n")]


class Documents(unittest.TestCase):
    def run_example(self, text):
        """What it prints, and how often its tool was called."""
        calls, real = [], tau.run

        def scripted(prompt, model, tools, **rest):
            manifest, = (tau.tools.as_tool(item) for item in tools)
            function = manifest.function
            manifest.function = lambda **arguments: calls.append(arguments) or function(**arguments)
            return real(prompt, "scripted/demo", tools=tools, script=SCRIPT, environment=False, **rest)

        with mock.patch.object(tau, "run", scripted), contextlib.redirect_stdout(io.StringIO()) as out:
            exec(compile(text, "example", "exec"), {"__name__": "__main__"})
        return out.getvalue(), calls

    def test_examples_of_memories_run(self):
        self.assertGreaterEqual(len(examples("docs/memory.md")), 2)
        for text in examples("docs/memory.md"):
            with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()) as out:
                before = os.getcwd()
                os.chdir(folder)
                try:
                    exec(compile(text, "example", "exec"), {"__name__": "__main__"})
                finally:
                    os.chdir(before)
            self.assertTrue(out.getvalue())

    def test_examples_run(self):
        for page in ("README.md", "docs/python.md"):
            self.assertTrue(examples(page), page)
            for text in examples(page):
                with self.subTest(page=page):
                    out, calls = self.run_example(text)
                    self.assertTrue(out.startswith("It is 5."), out)
                    self.assertEqual(calls, [{"a": 2, "b": 3}])


if __name__ == "__main__":
    tap.main()

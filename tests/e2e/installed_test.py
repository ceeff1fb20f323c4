"""An installed copy: programs in C and Python are built and run against it, the program's tools find their helper."""

import json
import os
import re
import sys
import unittest
from pathlib import Path

from support import ROOT, EndToEnd, tap

SCRIPT = {"turns": [{"tool_calls": [{"name": "bash", "arguments": {"command": "echo from-the-shell"}}]},
                    {"text": "Done."}]}


class Installed(EndToEnd):
    def setUp(self):
        super().setUp()
        self.stage, self.prefix = self.install()
        self.environment_of_copy = self.of_installed(self.stage, self.prefix)

    def built(self, source):
        """A C program, made and started as a user of the installed copy does: what it prints."""
        out, _ = self.run_command(["pkg-config", "--cflags", "--libs", "libtau"], **self.environment_of_copy)
        flags = out.split()
        self.assertEqual([flag for flag in flags if flag.startswith("-l")], ["-ltau"])
        program = self.folder / "program"
        self.run_command([*os.environ.get("CC", "cc").split(), source, *flags, "-o", program])
        return self.run_command([program], TAU_MODEL="offline/offline", **self.environment_of_copy)[0]

    def test_a_c_program_needs_the_library_and_nothing_else(self):
        self.assertIn("It is 21 degrees.", self.built(ROOT / "examples" / "hello_c" / "hello.c"))

    def test_the_c_example_of_the_readme(self):
        example = re.search(r"^```c\n(.*?)^```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
        source = self.folder / "readme.c"
        source.write_text(example[1], encoding="utf-8")
        self.assertIn("built-in offline model", self.built(source))

    def test_pkg_config_asks_for_no_other_package(self):
        """What is linked inside is the library's own affair: its users need none of those headers."""
        file, = self.prefix.rglob("libtau.pc")
        text = file.read_text()
        self.assertIsNone(re.search(r"^Requires", text, re.MULTILINE), text)

    def test_python(self):
        package, = self.prefix.rglob("tau/__init__.py")
        out, _ = self.run_command([sys.executable, ROOT / "examples" / "hello_python" / "hello.py"],
                                  PYTHONPATH=str(package.parents[1]))
        self.assertEqual(out, (ROOT / "examples" / "hello_python" / "hello.expected").read_text())
        out, _ = self.run_command([sys.executable, "-c", "import tau._loader as l; print(l._candidates())"],
                                  PYTHONPATH=str(package.parents[1]))
        self.assertTrue(Path(out.strip()).resolve().is_relative_to(self.stage), out)

    def test_node(self):
        packages = list(self.prefix.rglob("node_modules"))
        if not packages:
            self.skipTest("the build has no Node package")
        out, _ = self.run_command(["node", ROOT / "examples" / "hello_node" / "hello.mjs"], NODE_PATH=str(packages[0]))
        self.assertEqual(out, (ROOT / "examples" / "hello_node" / "hello.expected").read_text())

    def test_the_program_and_its_helper(self):
        out, _ = self.run_command([self.prefix / "bin" / "tau", "run", "--no-store", "--json", "--allow", "bash", "-m",
                                   "scripted/demo", "--set", "script=" + json.dumps(SCRIPT), "hi"],
                                  **self.environment_of_copy)
        results = [event for event in map(json.loads, out.splitlines()) if event["event"] == "tool_result"]
        self.assertIn("from-the-shell", results[0]["content"])

    def test_nothing_but_the_product_is_installed(self):
        files = {str(path.relative_to(self.prefix)) for path in self.prefix.rglob("*") if not path.is_dir()}
        strange = [name for name in files if not re.search(
            r"^include/tau/\w+\.h(pp)?$|/cmake/libtau/libtau-config(-version)?\.cmake$|/libtau\.so[.\d]*$"
            r"|/pkgconfig/libtau\.pc$|^bin/tau$|^share/man/man1/tau(-\w+)?\.1$|^share/.*completions(\.d)?/tau\.\w+$"
            r"|^share/zsh/site-functions/_tau$|tau-exec$|/tau/[\w.]+$|/node_modules/libtau/[\w.]+$", name)]
        self.assertEqual(strange, [])


if __name__ == "__main__":
    tap.main()

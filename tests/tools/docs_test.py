"""What the documents show is true: examples compile, links lead somewhere, named tools exist."""

import ast
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools" / "lint"))
from common import ROOT, read, tree_files  # noqa: E402

PAGES = [path for path in tree_files() if path.suffix == ".md"]
FENCE = re.compile(r"^```([\w ]*)\n(.*?)^```", re.DOTALL | re.MULTILINE)


def blocks(page, language):
    return [text for name, text in FENCE.findall(read(page)) if name == language]


class DocsTest(unittest.TestCase):
    def test_c_examples_compile_without_warnings(self):
        compiler = shutil.which(os.environ.get("CC", "cc").split()[-1]) or "cc"
        count = 0
        for page in PAGES:
            for text in blocks(page, "c"):
                if "#include" not in text:
                    continue  # a declaration shown alone
                with tempfile.NamedTemporaryFile("w", suffix=".c") as source:
                    source.write(text)
                    source.flush()
                    done = subprocess.run([compiler, "-std=c11", "-pedantic", "-Wall", "-Wextra", "-Werror",
                                           "-fsyntax-only", f"-I{ROOT / 'include'}", source.name],
                                          capture_output=True, text=True, check=False)
                self.assertEqual(done.returncode, 0, f"{page}:\n{done.stderr}")
                count += 1
        self.assertGreater(count, 0)

    def test_python_examples_parse(self):
        for page in PAGES:
            for text in blocks(page, "python"):
                compile(text, str(page), "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)

    def test_relative_links_lead_to_files(self):
        missing = []
        for page in PAGES:
            for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", FENCE.sub("", read(page))):
                if "://" not in target and not (ROOT / page.parent / target).exists():
                    missing.append(f"{page}: {target}")
        self.assertEqual(missing, [])

    def test_named_tools_exist_and_run(self):
        named = set()
        for page in PAGES:
            named |= set(re.findall(r"\btools/(?:\w+/)*\w+(?:-\w+)*(?:\.py|\.txt)?\b", read(page)))
        self.assertIn("tools/check", named)
        for name in sorted(named):
            path = ROOT / name
            self.assertTrue(path.exists(), name)
            if path.is_file() and path.parent == ROOT / "tools" and not path.suffix:
                self.assertTrue(os.access(path, os.X_OK), f"{name} has no run bit")
                done = subprocess.run([path, "--help"], capture_output=True, text=True, check=False)
                self.assertEqual((done.returncode, done.stderr), (0, ""), name)


if __name__ == "__main__":
    unittest.main()

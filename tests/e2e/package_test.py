"""The packages that tools/package makes: installed offline into clean environments, they run an agent and bring their own
libcurl. Slow: it makes a release build."""

import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
OUT = ROOT / "build" / "package" / "out"
sys.path.insert(0, str(ROOT / "tests" / "python"))

import tap  # noqa: E402

LIMIT_BYTES = 6_000_000
_HTTP = """
import tau
config = {"model": "nobody/x", "providers": {"nobody": {"base_url": "http://127.0.0.1:9/v1", "retry": {"max_attempts": 1}}}}
with tau.Runtime(config=config) as runtime:
    try:
        runtime.agent().session().run("hi").result()
    except tau.UnavailableError as error:
        assert error.reason == "connect_failed", error
maps = open("/proc/self/maps").read()
assert "libcurl-tau.so.4" in maps and "libcurl.so.4" not in maps
with tau.Runtime(workspace=".") as runtime:
    assert runtime.agent("scripted/x", script={"turns": []}).describe()["unavailable"] == []
"""


class Packages(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        subprocess.run([ROOT / "tools" / "package"], check=True, stdin=subprocess.DEVNULL)
        cls.folder = Path(tempfile.mkdtemp(prefix="tau-package-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder)

    def run_clean(self, *command, cwd=None):
        """Without anything of this tree or of the build in the environment."""
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "LC_ALL": "C.UTF-8"}
        done = subprocess.run(command, cwd=cwd or self.folder, env=environment, capture_output=True, text=True,
                              timeout=300, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    def test_wheel(self):
        wheel = next(OUT.glob("*.whl"))
        self.assertLess(wheel.stat().st_size, LIMIT_BYTES)
        place = self.folder / "python"
        self.run_clean(sys.executable, "-m", "venv", place)
        self.run_clean(place / "bin" / "pip", "install", "--no-index", "--quiet", "--disable-pip-version-check", wheel)
        hello = ROOT / "examples" / "hello_python"
        self.assertEqual(self.run_clean(place / "bin" / "python", hello / "hello.py"),
                         (hello / "hello.expected").read_text())
        self.run_clean(place / "bin" / "python", "-c", _HTTP)

    def test_npm(self):
        if shutil.which("npm") is None:
            self.skipTest("npm is not installed")
        place = self.folder / "node"
        place.mkdir()
        (place / "package.json").write_text('{"name":"host","version":"1.0.0"}')
        packages = sorted(OUT.glob("*.tgz"))
        self.assertEqual(len(packages), 2)
        self.assertLess(max(path.stat().st_size for path in packages), LIMIT_BYTES)
        self.run_clean("npm", "install", "--offline", "--no-audit", "--no-fund", *packages, cwd=place)
        hello = ROOT / "examples" / "hello_node"
        shutil.copy(hello / "hello.mjs", place)
        self.assertEqual(self.run_clean("node", "hello.mjs", cwd=place), (hello / "hello.expected").read_text())


if __name__ == "__main__":
    tap.main()

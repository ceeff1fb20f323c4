"""The packages that tools/package makes: installed offline into clean environments, they run an agent and bring their own
libcurl. Those for arm64 do so in an emulator. Slow: it makes two release builds."""

import os
import platform
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
OUT = ROOT / "build" / "package" / "out"
sys.path[:0] = [str(ROOT / path) for path in ("tests/python", "tools/devkit", "tools/packaging")]

import platforms  # noqa: E402
import tap  # noqa: E402

LIMIT_BYTES = 6_000_000
_HTTP = """
import tau
config = {"model": "nobody/x", "providers": {"nobody": {"base_url": "http://127.0.0.1:9/v1", "retry": {"max_attempts": 1}}}}
config["network"] = {"native_http": False}
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


class Packages:
    """For a machine: how to make its packages, to install them and to start its interpreters."""

    flags, npm_flags, python, node = [], [], [sys.executable], ["node"]

    @classmethod
    def setUpClass(cls):
        subprocess.run([ROOT / "tools" / "package", *cls.flags], check=True, stdin=subprocess.DEVNULL)
        cls.folder = Path(tempfile.mkdtemp(prefix="tau-package-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder)

    def run_clean(self, *command, cwd=None, **more):
        """Without anything of this tree or of the build in the environment."""
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "LC_ALL": "C.UTF-8", **more}
        done = subprocess.run(command, cwd=cwd or self.folder, env=environment, capture_output=True, text=True,
                              timeout=300, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    def test_wheel(self):
        wheel, = OUT.glob(f"*_{self.machine}.whl")
        self.assertLess(wheel.stat().st_size, LIMIT_BYTES)
        platform_tag = wheel.stem.split("-")[-1]
        place, packages = self.folder / "python", self.folder / "site-packages"
        self.run_clean(sys.executable, "-m", "venv", place)
        self.run_clean(place / "bin" / "pip", "install", "--no-index", "--quiet", "--disable-pip-version-check",
                       "--target", packages, "--platform", platform_tag, "--only-binary", ":all:", wheel)
        hello = ROOT / "examples" / "hello_python"
        self.assertEqual(self.run_clean(*self.python, hello / "hello.py", PYTHONPATH=str(packages)),
                         (hello / "hello.expected").read_text())
        self.run_clean(*self.python, "-c", _HTTP, PYTHONPATH=str(packages))

    def test_npm(self):
        if shutil.which("npm") is None:
            self.skipTest("npm is not installed")
        place = self.folder / "node"
        place.mkdir()
        (place / "package.json").write_text('{"name":"host","version":"1.0.0"}')
        native, = OUT.glob(f"*-{platforms.NPM_NAMES[self.machine]}-*.tgz")
        packages = [native, *OUT.glob("libtau-[0-9]*.tgz")]
        self.assertEqual(len(packages), 2)
        self.assertLess(max(path.stat().st_size for path in packages), LIMIT_BYTES)
        self.run_clean("npm", "install", "--offline", "--no-audit", "--no-fund", *self.npm_flags, *packages, cwd=place)
        hello = ROOT / "examples" / "hello_node"
        shutil.copy(hello / "hello.mjs", place)
        self.assertEqual(self.run_clean(*self.node, "hello.mjs", cwd=place), (hello / "hello.expected").read_text())


class OfThisMachine(Packages, unittest.TestCase):
    machine = platform.machine()


@unittest.skipUnless(platform.machine() == "x86_64", "the cross compiler of the tests runs on x86-64")
class OfArm64(Packages, unittest.TestCase):
    machine = "aarch64"
    flags = ["--machine", machine]
    npm_flags = ["--force"]  # it asks for this machine otherwise

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        place = ROOT / "build" / "package" / cls.machine
        programs, emulator = place / "root" / "usr" / "bin", platforms.emulator(cls.machine, place)
        cls.python, cls.node = [*emulator, programs / "python3.11"], [*emulator, programs / "node"]


if __name__ == "__main__":
    tap.main()

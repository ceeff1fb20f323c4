"""What the end-to-end tests share: the trees, and running a command as a user would."""

import json
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ["TAU_BUILD"])
TIMEOUT = 120

sys.path.insert(0, str(ROOT / "tests" / "python"))
import tap  # noqa: E402,F401

# A sanitizer's runtime must be found and told; nothing else of the caller's environment reaches a user's command.
_KEPT = ("ASAN_OPTIONS", "CC", "LANG", "LD_PRELOAD", "LSAN_OPTIONS", "PATH", "TMPDIR", "TSAN_OPTIONS", "UBSAN_OPTIONS")


class EndToEnd(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="tau-e2e-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def environment(self, **more):
        kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
        return {**kept, "HOME": str(self.folder), "PYTHONDONTWRITEBYTECODE": "1", **more}

    def run_command(self, command, code=0, cwd=None, stdin="", timeout=TIMEOUT, **environment):
        """Runs it to its end; fails the test unless it exits with `code`. Returns stdout and stderr."""
        done = subprocess.run([str(part) for part in command], cwd=cwd or self.folder, input=stdin, text=True,
                              capture_output=True, env=self.environment(**environment), timeout=timeout, check=False)
        self.assertEqual(done.returncode, code, f"{command}\nstdout: {done.stdout}\nstderr: {done.stderr}")
        return done.stdout, done.stderr

    def install(self):
        """Installs the build below a folder of the test's, as packagers do: (that folder, the prefix in it)."""
        stage = self.folder / "stage"
        self.run_command(["meson", "install", "-C", BUILD, "--no-rebuild", "--quiet", "--destdir", stage], cwd=BUILD)
        return stage, Path(f"{stage}{build_option('prefix')}")

    def of_installed(self, stage, prefix):
        """The environment of who builds against that copy and runs the result."""
        libraries = prefix / build_option("libdir")
        return {"PKG_CONFIG_PATH": str(libraries / "pkgconfig"), "PKG_CONFIG_SYSROOT_DIR": str(stage),
                "LD_LIBRARY_PATH": str(libraries)}


def build_option(name):
    listing = subprocess.run(["meson", "introspect", BUILD, "--buildoptions"], capture_output=True, check=True).stdout
    return next(option["value"] for option in json.loads(listing) if option["name"] == name)

"""Programs built against any released ABI run with this library: abidiff finds no change but additions, and the C
client, compiled with the old headers, plays its runs."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
sys.path.insert(0, str(ROOT / "tests" / "python"))

import tap  # noqa: E402

LIBRARY, COMPILER = Path(sys.argv.pop(1)), sys.argv.pop(1)
RELEASED = sorted(path for path in (HERE / "released").iterdir() if path.is_dir())
_COMMENT = re.compile(r"/\*.*?\*/", re.S)
_SIZED = re.compile(r"typedef struct (\w+) \{(\s*uint32_t struct_size;[^{}]*)\} \1;", re.S)
_DECLARATION = re.compile(r"^TAU_API ([^;]*?);", re.M | re.S)


def stub(headers, folder):
    """A shared library with the functions of the headers and no more: opaque types stay opaque in its debug info."""
    source = folder / "stub.c"
    declared = [text for path in sorted((headers / "tau").glob("*.h")) for text in _DECLARATION.findall(path.read_text())]
    source.write_text("#include <tau/tau.h>\n" + "".join(f"{text} {{ __builtin_trap(); }}\n" for text in declared))
    library = folder / "libstub.so"
    subprocess.run([COMPILER, "-g", "-O0", "-w", "-fPIC", "-shared", "-I", headers, "-o", library, source], check=True)
    return library, declared


def members(headers):
    """name -> the members of each struct that carries its size, and may so have got more of them at its end."""
    found = {}
    for path in sorted((headers / "tau").glob("*.h")):
        for name, body in _SIZED.findall(_COMMENT.sub("", path.read_text())):
            found[name] = body.split(";")[:-1]
    return found


def without_appended(headers, release, folder):
    """The headers as they would be without the members that came after the release."""
    before = members(release)

    def cut(match):
        kept = match.group(2).split(";")[:len(before.get(match.group(1), ())) or None]
        return f"typedef struct {match.group(1)} {{{';'.join(kept)};}} {match.group(1)};"

    shutil.copytree(headers / "tau", folder / "tau")
    for path in (folder / "tau").glob("*.h"):
        path.write_text(_SIZED.sub(cut, _COMMENT.sub("", path.read_text())))
    return folder


class Released(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="tau-abi-"))
        self.addCleanup(shutil.rmtree, self.folder)

    def stub_of(self, headers, name):
        folder = self.folder / name
        folder.mkdir()
        return stub(headers, folder)

    def test_nothing_but_additions(self):
        if shutil.which("abidiff") is None:
            self.skipTest("abidiff (Debian: abigail-tools) is not installed")
        for headers in RELEASED:
            with self.subTest(release=headers.name):
                old, declared = self.stub_of(headers, headers.name)
                self.assertGreater(len(declared), 60)
                self.assertIn("tau_runtime_options", members(headers))
                now = without_appended(ROOT / "include", headers, self.folder / f"now-{headers.name}")
                done = subprocess.run(["abidiff", "--no-added-syms", old, self.stub_of(now, f"new-{headers.name}")[0]],
                                      capture_output=True, text=True, check=False)
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_a_change_would_be_found(self):
        if shutil.which("abidiff") is None:
            self.skipTest("abidiff (Debian: abigail-tools) is not installed")
        changed = self.folder / "changed"
        shutil.copytree(RELEASED[-1] / "tau", changed / "tau")
        header = changed / "tau" / "run.h"
        text = header.read_text()
        for old, new in (("tau_run_wait(tau_run *run, int32_t timeout_ms", "tau_run_wait(tau_run *run, int64_t timeout_ms"),
                         ("int64_t deadline_ms", "int32_t deadline_ms")):
            if old in text:
                header.write_text(text.replace(old, new, 1))
                break
        else:
            self.fail("nothing to change was found")
        done = subprocess.run(["abidiff", "--no-added-syms", self.stub_of(RELEASED[-1], "old")[0],
                               self.stub_of(changed, "new")[0]], capture_output=True, text=True, check=False)
        self.assertNotEqual(done.returncode, 0)

    def test_a_member_that_moved_would_be_found(self):
        if shutil.which("abidiff") is None:
            self.skipTest("abidiff (Debian: abigail-tools) is not installed")
        old, _ = self.stub_of(RELEASED[-1], "old")
        last, inner = "  tau_str exec_helper;", "  uint32_t loops;"
        for name, wanted, change in (("appended", 0, lambda text: text.replace("} tau_runtime_options;", "  void *more;\n} tau_runtime_options;")),
                                     ("inserted", 1, lambda text: text.replace(last, "  void *more;\n" + last)),
                                     ("wider", 1, lambda text: text.replace(inner, "  uint64_t loops;"))):
            with self.subTest(change=name):
                changed = self.folder / f"headers-{name}"
                shutil.copytree(RELEASED[-1] / "tau", changed / "tau")
                header = changed / "tau" / "runtime.h"
                text = header.read_text()
                self.assertNotEqual(text, change(text))
                header.write_text(change(text))
                now = without_appended(changed, RELEASED[-1], self.folder / f"now-{name}")
                done = subprocess.run(["abidiff", "--no-added-syms", old, self.stub_of(now, name)[0]],
                                      capture_output=True, text=True, check=False)
                self.assertEqual(done.returncode != 0, bool(wanted), done.stdout)

    def test_old_programs_run(self):
        environment = {**os.environ, "LD_LIBRARY_PATH": str(LIBRARY.parent)}
        for headers in RELEASED:
            for client in ("client_test.c", "wire_test.c"):
                if client == "wire_test.c" and "tau_wire_decode_error" not in (headers / "tau" / "wire.h").read_text():
                    continue  # it asks for what this release did not have
                with self.subTest(release=headers.name, client=client):
                    program = self.folder / f"{headers.name}-{client}.out"
                    subprocess.run([COMPILER, "-std=c11", "-D_GNU_SOURCE", "-pthread", "-I", headers, "-o", program,
                                    HERE.parent / client, LIBRARY], check=True)
                    done = subprocess.run([program], capture_output=True, text=True, env=environment, timeout=120,
                                          check=False)
                    self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


if __name__ == "__main__":
    tap.main()

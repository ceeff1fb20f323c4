"""A host that has everything under the same names: its own libcurl, its own copies of what is inside libtau. Whatever
is asked of libtau, as an archive or as a shared library, none of the host's functions is called."""

import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
sys.path[:0] = [str(ROOT / "tests" / "python"), str(ROOT / "tools"), str(ROOT / "tools" / "bindgen")]

import emit_c  # noqa: E402
import tap  # noqa: E402
from model_server import ModelServer, Script  # noqa: E402

HOST, COMPILER, LIBRARY, ARCHIVE, ARCHIVE_LIBRARIES, *MODULES = sys.argv[1:]
del sys.argv[1:]
PUBLIC = set(emit_c.names_in_map((ROOT / "capi" / "libtau.map").read_text(encoding="utf-8")))


def names(listing_of, kinds, *flags):
    """What those files define and show to others, without version nodes."""
    listing = subprocess.run(["nm", "--defined-only", "--extern-only", *flags, *listing_of], capture_output=True, text=True,
                             check=True).stdout
    return {name.partition("@")[0] for name in re.findall(rf"^\w+ [{kinds}] (\S+)$", listing, re.MULTILINE)}


class Crowded(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="tau-crowded-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def host(self, crowd, *link):
        source = self.folder / "names.s"
        source.write_text(".text\n" + "".join(f".globl \"{name}\"\n.type \"{name}\", @function\n\"{name}\": .byte 0x0f, 0x0b\n"
                                              for name in sorted(crowd))
                          + ".section .note.GNU-stack,\"\",%progbits\n", encoding="utf-8")
        program = self.folder / "host"
        subprocess.run([COMPILER, "-rdynamic", "-I", ROOT / "include", HOST, source, *link, "-o", program],
                       check=True)
        return program

    def ask(self, program):
        server = ModelServer(Script({"models": ["m"], "turns": [{"text": ["It ", "answers."]}]}))
        server.start()
        self.addCleanup(server.stop)
        done = subprocess.run([program, f"http://127.0.0.1:{server.port}/v1", self.folder / "home"], capture_output=True,
                              text=True, timeout=120, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("It answers.", done.stdout)

    def crowd(self):
        curl = subprocess.run([COMPILER, "-print-file-name=libcurl.so.4"], capture_output=True, text=True, check=True).stdout
        crowd = names([curl.strip()], "T", "-D") | names(MODULES, "TDBR")
        self.assertIn("curl_multi_perform", crowd)
        self.assertGreater(len(crowd), 1000)
        return crowd - PUBLIC

    def test_the_archive_shows_the_public_functions_alone(self):
        self.assertEqual(names([ARCHIVE], "A-Za-z"), PUBLIC)

    def test_the_archive_in_a_crowded_host(self):
        self.ask(self.host(self.crowd(), ARCHIVE, *ARCHIVE_LIBRARIES.split()))

    def test_the_shared_library_in_a_crowded_host(self):
        self.ask(self.host(self.crowd(), LIBRARY, f"-Wl,-rpath,{Path(LIBRARY).parent}"))


if __name__ == "__main__":
    tap.main()

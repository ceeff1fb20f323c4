"""The independent verifier finds every change of a log, and says the same as the library does.

Arguments: the probe program. Everything is changed that can be: exhaustively in a small log, at random in a large one.
"""

import json
import lzma
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))
sys.dont_write_bytecode = True
import audit_ed25519  # noqa: E402
import audit_verify  # noqa: E402

PROBE = ""
SEED = int(os.environ.get("TAU_SEED", random.SystemRandom().randrange(1 << 32)))


class Probe:
    def __init__(self, algorithm):
        self.process = subprocess.Popen([PROBE, algorithm], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.key = self.process.stdout.readline().strip()
        raw = bytes.fromhex(self.key)
        self.keys = audit_verify.Keys([raw], []) if algorithm == "hmac-sha256" else audit_verify.Keys([], [raw])

    def ask(self, *words):
        self.process.stdin.write(" ".join(str(word) for word in words) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()


class VerifierTest(unittest.TestCase):
    algorithm = "hmac-sha256"

    def setUp(self):
        self.dir = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.dir)
        self.probe = Probe(self.algorithm)
        self.addCleanup(self.probe.close)
        self.folder = self.dir / "log"
        self.anchored = self.dir / "anchored"

    def write(self, records, max_file_bytes, keep_bytes=0):
        self.anchored.write_text(self.probe.ask("write", self.folder, records, max_file_bytes, keep_bytes)["head"])
        (self.folder / "lock").unlink()  # a copy to look at

    def files(self):
        return sorted(self.folder.glob("audit-*.jsonl"))

    def look(self, anchored=True, compare=True):
        """What the verifier says; `compare`: after making sure that the library says the same."""
        text = self.anchored.read_bytes() if anchored else b""
        try:
            ours = audit_verify.verify(self.folder, text, self.probe.keys)
        except audit_verify.Fault as fault:
            ours = {"ok": False, "reason": fault.reason, "file": fault.file, "line": fault.line}
        if not compare:
            return ours
        theirs = self.probe.ask("verify", self.folder, self.anchored if anchored else "-")
        self.assertEqual({**ours, **theirs}, ours)
        return ours

    def found(self, what, anchored=True, compare=True):
        result = self.look(anchored, compare)
        self.assertFalse(result["ok"], what)
        return result

    def changed(self, path, data, what, anchored=True, compare=True):
        """The finding after a file's content was replaced; puts it back."""
        before = path.read_bytes()
        path.write_bytes(data)
        result = self.found(f"{what} in {path.name}", anchored, compare)
        path.write_bytes(before)
        return result

    def test_a_good_log_is_good(self):
        self.write(20, 1500)
        result = self.look()
        self.assertEqual((result["ok"], result["records"], result["signed_seq"]), (True, 21, 21))
        self.assertTrue(self.look(anchored=False)["ok"])

    def test_a_log_that_was_cut_is_good(self):
        self.write(60, 1000, 4000)
        result = self.look()
        self.assertTrue(result["ok"])
        self.assertGreater(result["first_seq"], 1)
        shutil.copy(self.files()[0], self.folder / "audit-00000000000000000001.jsonl")
        self.found("a file that bears another's name")

    def test_every_flipped_bit(self):
        self.write(4, 800)
        self.assertGreater(len(self.files()), 1)
        for path in [*self.files(), self.folder / "head.json"]:
            data = bytearray(path.read_bytes())
            starts = [0, *(i + 1 for i, byte in enumerate(data) if byte == 10)]
            findings = []
            for at in range(len(data)):
                line = sum(start <= at for start in starts)
                for bit in range(8):
                    data[at] ^= 1 << bit
                    result = self.changed(path, data, f"bit {bit} of byte {at}", anchored=False, compare=False)
                    self.assertEqual((result["file"], result["line"]), (path.name, line), (at, bit))
                    findings.append(f"{result['reason']} {result['file']} {result['line']}")
                    if bit == 0:
                        self.changed(path, data, f"bit {bit} of byte {at}", anchored=True, compare=False)
                    data[at] ^= 1 << bit
            self.assertEqual(self.probe.ask("flips", self.folder, path.name), findings)

    def test_every_dropped_swapped_doubled_and_cut_record(self):
        self.write(8, 1000)
        for path in self.files():
            whole = path.read_bytes()
            lines = whole.splitlines(keepends=True)
            for i, line in enumerate(lines):
                rest = lines[:i] + lines[i + 1:]
                self.changed(path, b"".join(rest), f"without record {i}")
                self.changed(path, b"".join([*lines[:i], line, *lines[i:]]), f"record {i} twice")
                for j in range(i + 1, len(lines)):
                    swapped = list(lines)
                    swapped[i], swapped[j] = swapped[j], swapped[i]
                    result = self.changed(path, b"".join(swapped), f"records {i} and {j} swapped")
                    self.assertEqual((result["reason"], result["line"]), ("bad_sequence", i + 1))
                for other in self.files():
                    foreign = other.read_bytes().splitlines(keepends=True)[0]
                    if foreign != line:
                        self.changed(path, b"".join([*lines[:i], foreign, *lines[i + 1:]]), f"record {i} of another file")
            for size in range(len(whole)):
                # The library's turn is every eighth: it is a process to wait for.
                self.changed(path, whole[:size], f"cut to {size} bytes", compare=size % 8 == 0)
                self.changed(path, whole[size + 1:], f"without the first {size + 1} bytes", compare=size % 8 == 1)

    def test_forged_records_are_found_by_their_links(self):
        self.write(8, 1500)
        import hashlib
        for path in self.files():
            lines = path.read_bytes().splitlines()
            for i, line in enumerate(lines):
                body = line[:-audit_verify.UNHASHED].replace(b'"bash"', b'"read"').replace(b'"kind"', b'"kinD"')
                forged = body + b',"hash":"' + hashlib.blake2b(body, digest_size=32).hexdigest().encode() + b'"}'
                self.changed(path, b"\n".join([*lines[:i], forged, *lines[i + 1:], b""]), f"record {i} forged")

    def test_every_missing_renamed_and_swapped_file(self):
        self.write(12, 1000)
        paths = self.files()
        self.assertGreater(len(paths), 3)
        for path in [*paths, self.folder / "head.json"]:
            data = path.read_bytes()
            path.unlink()
            if path.name == "head.json":
                self.assertTrue(self.look()["ok"], "the anchored head is as good")
                self.assertEqual(self.found("no head", anchored=False)["reason"], "head_missing")
            else:
                self.found(f"{path.name} is missing", anchored=False)
            path.write_bytes(data)
        for a, b in zip(paths, paths[1:]):
            first, second = a.read_bytes(), b.read_bytes()
            a.write_bytes(second)
            b.write_bytes(first)
            self.found("two files swapped")
            a.write_bytes(first + second)
            b.write_bytes(b"")
            self.found("two files in one, and one of none")
            a.write_bytes(first)
            b.write_bytes(second)
        self.assertTrue(self.look()["ok"])

    def test_an_older_head_replayed(self):
        self.write(6, 1500)
        shutil.copytree(self.folder, self.dir / "older")
        old = self.anchored.read_text()
        self.write(6, 1500)
        self.assertTrue(self.look()["ok"])
        new_head = (self.folder / "head.json").read_bytes()
        self.assertEqual(self.changed(self.folder / "head.json", old.encode(), "older head")["reason"], "head_replayed")
        shutil.rmtree(self.folder)
        shutil.copytree(self.dir / "older", self.folder)
        self.assertEqual(self.found("older log")["reason"], "head_replayed")
        (self.folder / "head.json").write_bytes(new_head)
        self.assertEqual(self.found("older log, newer head")["reason"], "records_missing")

    def test_a_log_of_another(self):
        self.write(6, 1500)
        first = self.anchored.read_bytes()
        self.folder = self.dir / "other"
        self.write(7, 1500)
        self.anchored.write_bytes(first)
        self.assertTrue(self.look()["ok"], "the same records at the same time are the same log")
        shutil.rmtree(self.folder)
        self.write(9, 900)
        lines = self.files()[0].read_bytes().splitlines(keepends=True)
        self.changed(self.files()[0], b"".join(lines[:1]), "shorter")

    def test_random_changes_of_a_large_log(self):
        self.write(2000, 40_000)
        pick = random.Random(SEED)
        for turn in range(150):
            path = pick.choice(self.files())
            data = path.read_bytes()
            lines = data.splitlines(keepends=True)
            i, j = sorted(pick.sample(range(len(lines)), 2)) if len(lines) > 1 else (0, 0)
            at = pick.randrange(len(data))
            kinds = {
                "flip": data[:at] + bytes([data[at] ^ 1 << pick.randrange(8)]) + data[at + 1:],
                "drop": b"".join(lines[:i] + lines[i + 1:]),
                "swap": b"".join([*lines[:i], lines[j], *lines[i + 1:j], lines[i], *lines[j + 1:]]),
                "double": b"".join(lines[:i + 1] + lines[i:]),
                "cut": data[:at],
                "insert": data[:at] + pick.randbytes(pick.randrange(1, 40)) + data[at:],
                "zero": data[:at] + bytes(min(512, len(data) - at)) + data[at + 512:],
            }
            kind = pick.choice(sorted(kinds))
            if kinds[kind] != data:
                self.changed(path, kinds[kind], f"seed {SEED}, turn {turn}: {kind}")

    def test_the_page_names_all_that_a_record_can_have(self):
        page = (ROOT / "docs" / "audit.md").read_text()
        self.assertEqual([name for name in self.probe.ask("schema") if f"`{name}`" not in page], [])
        reasons = set(re.findall(r'(?:Fault\(|return |else )"([a-z_]+)"', (ROOT / "tools" / "audit_verify.py").read_text()))
        self.assertGreater(len(reasons), 10)
        self.assertEqual([name for name in sorted(reasons - {"unsigned_records"}) if f"`{name}`" not in page], [])

    def test_the_program_says_what_is_wrong(self):
        self.write(5, 1500)
        key = self.dir / "key"
        key.write_text(self.probe.key + "\n")
        named = ["--mac-key", key] if self.algorithm == "hmac-sha256" else ["--public-key", self.probe.key]

        def run(*more):
            done = subprocess.run([sys.executable, ROOT / "tools" / "audit_verify.py", self.folder, *more],
                                  capture_output=True, text=True, check=False)
            return done.returncode, done.stdout.strip(), done.stderr
        self.assertEqual(run(*named, "--head", self.anchored)[0], 0)
        self.assertIn("signature not checked", run()[1])
        self.assertEqual(run(*named, "--all-signed", "--json")[0], 0)
        wrong = ["--mac-key", self.anchored.with_name("wrong")]
        wrong[1].write_text("00" * 32)
        self.assertEqual(run(*wrong)[:2], (1, "head.json:1: unknown_key"))
        path = self.files()[0]
        path.write_bytes(path.read_bytes().replace(b'"bash"', b'"mash"', 1))
        self.assertEqual(run()[:2], (1, f"{path.name}:2: bad_hash"))
        self.folder = self.dir / "nowhere"
        self.assertEqual(run()[0], 2)


class Ed25519VerifierTest(VerifierTest):
    """The same with signatures that anybody can check, as far as they matter."""

    algorithm = "ed25519"
    test_every_flipped_bit = test_every_dropped_swapped_doubled_and_cut_record = None
    test_random_changes_of_a_large_log = test_forged_records_are_found_by_their_links = None

    def test_every_flipped_byte_of_the_head(self):
        self.write(3, 1500)
        path = self.folder / "head.json"
        data = bytearray(path.read_bytes())
        for at in range(len(data)):
            data[at] ^= 1
            self.changed(path, data, f"byte {at}", anchored=False)
            data[at] ^= 1

    def test_vectors_of_rfc_8032(self):
        vectors = [
            ("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
             "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"),
            ("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
             "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"),
            ("fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
             "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"),
        ]
        for key, message, signature in vectors:
            raw = [bytes.fromhex(part) for part in (key, message, signature)]
            self.assertTrue(audit_ed25519.verify(*raw))
            self.assertFalse(audit_ed25519.verify(raw[0], raw[1] + b"x", raw[2]))
            late = int.from_bytes(raw[2][32:], "little") + audit_ed25519.ORDER
            self.assertFalse(audit_ed25519.verify(raw[0], raw[1], raw[2][:32] + late.to_bytes(32, "little")))

    def test_vectors_of_wycheproof(self):
        data = Path(os.environ.get("TAU_SHARED_DATA", ROOT.parent / "shared" / "data")) / "crypto" / "ed25519_test.json.xz"
        if not data.exists():
            self.skipTest(f"{data} is not here")
        with lzma.open(data) as stream:
            groups = json.load(stream)["testGroups"]
        count = 0
        for group in groups:
            key = bytes.fromhex((group.get("publicKey") or group["key"])["pk"])
            for case in group["tests"]:
                good = audit_ed25519.verify(key, bytes.fromhex(case["msg"]), bytes.fromhex(case["sig"]))
                self.assertEqual(good, case["result"] == "valid", (case["tcId"], case["comment"]))
                count += 1
        self.assertGreater(count, 100)


if __name__ == "__main__":
    PROBE = sys.argv.pop(1)
    print(f"seed {SEED}", file=sys.stderr)
    unittest.main()

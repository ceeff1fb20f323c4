"""tau scan of long texts and with the secrets of a vault: what is found, what is shown, what it takes."""

import base64
import json
import os
import random
import secrets
import subprocess
import threading

from support import TIMEOUT, tap
from vaults import VaultCase, made

WINDOW, MARGIN = 4 << 20, 160 << 10


class Scan(VaultCase):
    def setUp(self):
        super().setUp()
        self.init()
        self.values = {name: made(name) for name in ("a/one", "a/two")}
        for name, value in self.values.items():
            self.tau("vault", "put", name, "--local", stdin=value)
        self.words = " ".join(f"word{i} other" for i in range(40)) + "\n"

    def found(self, text, *arguments, code=1):
        out, err = self.tau("scan", "--json", "--with-vault", *arguments, stdin=text, code=code)
        for value in self.values.values():
            self.assertNotIn(value, out + err)
        return json.loads(out)["secrets"]

    def prose(self, size):
        return (self.words * (size // len(self.words) + 1))[:size]

    def test_secrets_of_the_vault_are_found_in_every_encoding(self):
        one, two = self.values["a/one"], self.values["a/two"]
        text = f"plain {one}\nbase64 {base64.b64encode(two.encode()).decode()}\nhex {two.encode().hex()}\n"
        found = self.found(text)
        self.assertEqual([f["subject"] for f in found],
                         ["secret://a/one", "secret://a/two", "secret://a/two"])
        shown, _ = self.tau("scan", "--with-vault", stdin=text, code=1)
        self.assertRegex(shown, r"^stdin:1: secret \S+ secret://a/one +certain\n")
        self.assertNotIn(one, shown)
        # Without the vault they are words like others; one who says how it opens means it.
        self.assertNotIn("secret://", self.tau("scan", stdin=f"plain {one}\n")[0])
        self.assertIn("secret://a/one", self.tau("scan", "--vault", str(self.home / "vault"), stdin=text, code=1)[0])

    def test_what_cannot_be_looked_for_is_named(self):
        self.tau("vault", "put", "a/short", "--local", stdin="abc12")
        self.tau("vault", "revoke", "a/two")
        out, err = self.tau("scan", "--with-vault", stdin=f"x {self.values['a/one']}\n", code=1)
        self.assertIn("secret://a/short, version 1: secret_too_short", err)
        self.assertIn("secret://a/two", err)
        self.assertNotIn("abc12", out + err)

    def test_a_vault_that_does_not_open_is_no_clean_text(self):
        os.remove(self.key)
        _, err = self.tau("scan", "--with-vault", stdin="x", code=3)
        self.assertNotEqual(err, "")

    def test_windows_hide_nothing_and_tell_nothing_twice(self):
        chance, one = random.Random(3), self.values["a/one"]
        starts = [0, 7, MARGIN, WINDOW - 9, WINDOW, WINDOW + MARGIN - 20, WINDOW + MARGIN, WINDOW + MARGIN + 5,
                  WINDOW + 2 * MARGIN - 11, WINDOW + 2 * MARGIN, 2 * WINDOW + MARGIN - 1]
        starts += [chance.randrange(3 * WINDOW) for _ in range(40)]
        text = bytearray(self.prose(3 * WINDOW).encode())
        placed = []
        for start in sorted(starts):
            if placed and start < placed[-1] + len(one) + 2:
                continue
            text[start:start + len(one) + 2] = f" {one} ".encode()
            placed.append(start)
        found = self.found(bytes(text) + b"\nend")
        self.assertEqual([f["offset"] for f in found], [start + 1 for start in placed])
        lines, _ = self.tau("scan", "--with-vault", stdin=bytes(text), code=1)
        told = [int(line.split(":")[1]) for line in lines.splitlines()]
        self.assertEqual(told, [text.count(b"\n", 0, start + 1) + 1 for start in placed])

    def test_bytes_that_are_no_text_do_no_harm(self):
        one = self.values["a/one"].encode()
        noise = random.Random(1).randbytes(300_000)
        self.assertIn("secret://a/one", [f["subject"] for f in self.found(noise + b" " + one + b" " + noise)])

    def test_memory_does_not_grow_with_the_text(self):
        def peak(size):
            process = subprocess.Popen([self.program, "scan", "--with-vault"], env=self.environment(),
                                       stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
            guard = threading.Timer(TIMEOUT, process.kill)
            guard.start()
            piece = self.prose(1 << 20).encode()
            for _ in range(size >> 20):
                process.stdin.write(piece)
            process.stdin.close()
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            guard.cancel()
            self.assertEqual(process.returncode, 0)
            return usage.ru_maxrss

        self.assertLess(peak(64 << 20) - peak(12 << 20), 16 << 10, "KiB")

    def test_a_token_across_windows_is_one(self):
        token = "gh" + "p_" + secrets.token_hex(18)
        text = self.prose(WINDOW + MARGIN - 10) + f"\ntoken = {token}\n" + self.prose(WINDOW)
        self.assertEqual([f["rule"] for f in self.found(text)], ["github-pat"])


if __name__ == "__main__":
    tap.main()

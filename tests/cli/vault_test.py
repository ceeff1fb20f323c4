"""tau vault, and runs that use what is in it: from the command line to the model server's door."""

import base64
import ctypes
import ctypes.util
import hashlib
import json
import os
import pty
import select
import stat
import subprocess
import time

from http_test import Server
from support import TIMEOUT, scripted, tap, turn
from vaults import VaultCase, made

PHRASE = "correct horse battery staple"


def sealed_v1(text, passphrase):
    """The oldest envelope of Tau: a stream and a tag of SHA-256."""
    key, nonce = hashlib.sha256(passphrase.encode()).digest(), bytes(range(16))
    data, body = text.encode(), b""
    for block in range(0, len(data), 32):
        pad = hashlib.sha256(key + nonce + (block // 32).to_bytes(8, "little")).digest()
        body += bytes(a ^ b for a, b in zip(data[block:block + 32], pad))
    tag = hashlib.sha256(key + nonce + body + b"tau-credential-store-legacy-v1").digest()
    return "enc:v1:" + base64.b64encode(nonce + tag + body).decode()


def sealed_v2(text, passphrase):
    """The second one: AES-256-GCM. None where libsodium or the processor has none."""
    sodium = ctypes.CDLL(ctypes.util.find_library("sodium") or "libsodium.so.23")
    if sodium.sodium_init() < 0 or not sodium.crypto_aead_aes256gcm_is_available():
        return None
    data, context, nonce = text.encode(), b"tau-credential-store-v2", bytes(range(12))
    out, size = ctypes.create_string_buffer(len(data) + 16), ctypes.c_ulonglong()
    sodium.crypto_aead_aes256gcm_encrypt(out, ctypes.byref(size), data, ctypes.c_ulonglong(len(data)), context,
                                         ctypes.c_ulonglong(len(context)), None, nonce,
                                         hashlib.sha256(passphrase.encode()).digest())
    return "enc:v2:" + base64.b64encode(nonce + out.raw[:size.value]).decode()


class Secrets(VaultCase):
    def test_a_secret_goes_in_by_stdin_or_file_and_out_by_pipe_or_file(self):
        out, _ = self.tau("vault", "init", "--key-file", str(self.key))
        self.assertIn(f'key_file = "{self.key}"', out)
        for path in (self.home / "vault", self.key):
            self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600)
        self.configure()
        self.put("provider/openai", made("a") + "\n", "--origin", "https://api.openai.com/v1")
        self.assertEqual(self.get("provider/openai", "--origin", "https://api.openai.com")[0], made("a"))
        (self.folder / "value").write_text(made("b"))
        self.tau("vault", "put", "here", "--local", "--file", str(self.folder / "value"))
        self.get("secret://here", "--output", str(self.folder / "out"))
        self.assertEqual((self.folder / "out").read_text(), made("b"))
        self.assertEqual(stat.S_IMODE((self.folder / "out").stat().st_mode), 0o600)
        self.assertIn("file_exists", self.get("here", "-o", str(self.folder / "out"), code=3)[1])
        shown = self.tau("vault", "list")[0]
        self.assertRegex(shown, r"secret://provider/openai +https://api.openai.com:443 +current")
        self.assertNotIn(made("a"), shown + json.dumps(self.listed()))

    def test_refusals_name_the_reference_and_never_the_value(self):
        self.init()
        self.put("a", made("a"), "--origin", "https://one.example")
        _, err = self.get("a", "--origin", "https://two.example", code=3)
        self.assertRegex(err, r"^tau: secret_origin_mismatch: secret://a is bound to https://one.example:443")
        self.assertIn("hint: ", err)
        self.assertNotIn(made("a"), err)
        self.assertIn("secret_not_found", self.get("b", code=3)[1])
        self.assertIn("usage", self.tau("vault", "put", "a", stdin="x", code=2)[1])
        self.assertIn("empty_secret", self.put("a", "\n", code=3)[1])
        self.assertIn("invalid_origin", self.put("a", "x", "--origin", "one.example", code=3)[1])
        self.assertIn("invalid_secret_name", self.put("no good", "x", code=3)[1])
        self.assertIn("usage", self.tau("vault", "put", "a", "--local", "--expires-in", "soon", code=2)[1])
        self.assertIn("unexpected argument", self.tau("vault", "put", "a", made("a"), "--local", code=2)[1])

    def test_update_expire_revoke_remove(self):
        self.init()
        self.put("a", made("1"), "--local", "--expires-in", "90d")
        entry = json.loads(self.tau("vault", "update", "a", "--grace", "1d", "--json", stdin=made("2"))[0])
        self.assertEqual((entry["name"], entry["state"], entry["version"]), ("secret://a", "current", 2))
        self.assertEqual(self.get("a")[0], made("2"))
        self.assertEqual([s["state"] for s in self.listed()["secrets"]], ["previous", "current"])
        self.assertIn("expires on", self.tau("vault", "expire", "a", "--expires-in", "2d")[0])
        self.assertIn("does not expire", self.tau("vault", "expire", "a", "--never")[0])
        self.assertIn("usage", self.tau("vault", "expire", "a", code=2)[1])
        self.tau("vault", "revoke", "a")
        self.assertIn("secret_revoked", self.get("a", code=3)[1])
        self.assertIn('"state":"removed"', self.tau("vault", "rm", "a", "--json")[0])
        self.assertEqual(self.listed()["secrets"], [])

    def test_a_terminal_is_asked_without_echo_and_not_shown_a_secret(self):
        self.init()
        pid, fd = pty.fork()
        if pid == 0:
            os.chdir(self.workspace)
            os.execve(self.program, [self.program, "vault", "put", "a", "--local"], self.environment())
        shown = self.type_into(fd, [("Value of a: ", made("a") + "X\x7f\n"), ("Once more: ", made("a") + "\n")])
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), 0, shown)
        self.assertNotIn(made("a"), shown)
        self.assertEqual(self.get("a")[0], made("a"))
        for options, code in ((["--reveal"], 0), ([], 2)):
            pid, fd = pty.fork()
            if pid == 0:
                os.chdir(self.workspace)
                os.execve(self.program, [self.program, "vault", "get", "a", *options], self.environment())
            shown = self.type_into(fd, [])
            self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), code, shown)
            self.assertEqual(made("a") in shown, code == 0, shown)

    def type_into(self, fd, answers):
        """What a program shows that is asked these questions and given these answers."""
        shown, end = "", time.monotonic() + TIMEOUT
        while time.monotonic() < end and select.select([fd], [], [], max(0, end - time.monotonic()))[0]:
            try:
                got = os.read(fd, 4096)
            except OSError:  # it has ended
                break
            if not got:
                break
            shown += got.decode()
            if answers and answers[0][0] in shown:
                os.write(fd, answers.pop(0)[1].encode())
        os.close(fd)
        self.assertEqual(answers, [], shown)
        return shown


class Keys(VaultCase):
    def test_a_passphrase_comes_by_file_stdin_or_descriptor(self):
        words = self.folder / "words"
        words.write_text(PHRASE + "\n")
        self.tau("vault", "init", "--passphrase-file", str(words))
        self.tau("vault", "put", "a", "--local", "--file", str(words), "--passphrase-file", "-", stdin=PHRASE)
        _, err = self.tau("vault", "list", "--passphrase-file", "-", stdin="another long passphrase", code=3)
        self.assertIn("wrong_key", err)
        with open(words, encoding="utf-8") as opened:

            done = subprocess.run([self.program, "vault", "list", "--passphrase-fd", str(opened.fileno())],
                                  cwd=self.workspace, env=self.environment(), pass_fds=[opened.fileno()],
                                  stdin=subprocess.DEVNULL, capture_output=True, timeout=TIMEOUT, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("weak_passphrase", self.tau("vault", "list", "--passphrase-file", "-", stdin="short", code=3)[1])

    def test_keys_are_added_removed_and_rotated(self):
        self.init()
        self.put("a", made("a"))
        spare = self.folder / "keys" / "spare.key"
        self.assertIn("keys: key_file, spare", self.tau("vault", "add-key", "--new-key-file", str(spare), "--label", "spare")[0])
        self.assertEqual(self.tau("vault", "get", "a", "--key-file", str(spare))[0], made("a"))
        self.assertIn("usage", self.tau("vault", "add-key", code=2)[1])
        self.tau("vault", "rm-key", "spare")
        self.assertIn("last_slot", self.tau("vault", "rm-key", "key_file", code=3)[1])
        self.assertIn("wrong_key", self.tau("vault", "list", "--key-file", str(spare), code=3)[1])
        self.assertIn("second way in", self.tau("vault", "rotate")[0])
        self.tau("vault", "rotate", "--keep-master")
        self.tau("vault", "rotate", "--new-key-file", str(spare))
        self.assertIn("wrong_key", self.tau("vault", "list", code=3)[1])
        self.assertEqual(self.tau("vault", "get", "a", "--key-file", str(spare))[0], made("a"))

    def test_there_is_no_way_in_by_accident(self):
        self.assertIn("no_terminal", self.tau("vault", "init", code=3)[1])
        self.assertFalse((self.home / "vault").exists())
        self.assertIn("file_not_found", self.tau("vault", "list", code=3)[1])
        self.init()
        self.assertIn("vault_exists", self.tau("vault", "init", "--key-file", str(self.key), code=3)[1])
        self.key.chmod(0o644)
        self.assertIn("file_not_private", self.tau("vault", "list", code=3)[1])

    def test_the_key_may_be_in_a_variable(self):
        self.init()
        self.put("a", made("a"))
        env = {"VAULT_KEY": self.key.read_text().strip()}
        self.tau("vault", "add-key", "--new-key-env", "VAULT_KEY", env=env)
        self.assertEqual(self.tau("vault", "get", "a", "--key-env", "VAULT_KEY", env=env)[0], made("a"))
        self.assertIn("variable_not_set", self.tau("vault", "list", "--key-env", "VAULT_KEY", code=3)[1])


class Health(VaultCase):
    def findings(self, *command, code=0):
        found = json.loads(self.tau(*command, "--json", code=code)[0])["findings"]
        return [f for f in found if f["check"] == "vault"]

    def test_doctor_finds_what_is_wrong_and_names_the_fix(self):
        self.assertEqual([f["level"] for f in self.findings("doctor")], ["ok"])
        self.init()
        self.put("a", made("a"), "--local", "--expires-in", "1d")
        messages = " ".join(f["message"] for f in self.findings("doctor"))
        self.assertIn("one key", messages)
        (self.home / "vault").chmod(0o640)
        found = self.findings("doctor", code=1)
        self.assertTrue(any(f.get("fix", "").startswith("chmod go= ") for f in found), found)
        (self.home / "vault").chmod(0o600)
        (self.home / "vault.epochs").unlink()
        self.assertIn("older copy", " ".join(f["message"] for f in self.findings("vault", "check")))
        self.assertTrue(all(f.get("fix") for f in self.findings("vault", "check") if f["level"] != "ok"))

    def test_damage_and_rollback_are_problems(self):
        self.init()
        self.put("a", made("a"))
        vault = self.home / "vault"
        before = vault.read_bytes()
        self.put("b", made("b"))
        after = vault.read_bytes()
        vault.write_bytes(before)
        self.assertIn("older copy", " ".join(f["message"] for f in self.findings("vault", "check", code=1)))
        vault.write_bytes(after[:-1] + bytes([after[-1] ^ 1]))
        self.assertIn("damaged", " ".join(f["message"] for f in self.findings("vault", "check", code=1)))
        self.assertIn("record_damaged", self.get("b", code=1)[1])
        self.assertEqual(self.get("a")[0], made("a"))


class Runs(VaultCase):
    """A key for a model server of this machine: it reaches the server, and nothing else."""

    def serve_with(self, *turns, **more):
        options = self.serve(*turns, **more)
        self.base_url = next(option for option in options if ".base_url=" in option).split("=", 1)[1]
        return self.base_url

    def use(self, base_url, name="provider/local"):
        self.configure(f'model = "local/scripted-1"\n[providers.local]\nbase_url = "{base_url}"\n'
                       f'api_key = "secret://{name}"\n')

    def sent(self):
        lines = (self.folder / "requests.jsonl").read_text().splitlines()
        return [json.loads(line)["headers"].get("authorization") for line in lines]

    @staticmethod
    def digest(value):
        return "sha256:" + hashlib.sha256(f"Bearer {value}".encode()).hexdigest()

    def assert_nowhere(self, value):
        for folder, _, names in os.walk(self.home):
            for name in names:
                self.assertNotIn(value.encode(), open(os.path.join(folder, name), "rb").read(), name)

    def test_a_run_sends_the_key_to_its_origin_and_keeps_it_out_of_everything_else(self):
        self.init()
        value = made("run")
        url = self.serve_with(turn("Looking. ", calls=[("ls", {"path": "."})]), turn("Done."))
        self.put("provider/local", value, "--origin", url)
        self.use(url)
        out, err = self.tau("run", "--json", "-s", "one", "Go.")
        self.assertIn("Done.", out)
        self.assertEqual(self.sent(), [self.digest(value)] * 2)
        for command in (["config", "show"], ["config", "show", "--json"], ["models", "--json"], ["doctor", "--json"],
                        ["sessions", "export", "one"], ["vault", "list", "--json"], ["vault", "check"]):
            more = "".join(self.tau(*command))
            out += more
        self.assertIn("secret://provider/local", out)
        self.assertNotIn(value, out + err)
        self.assert_nowhere(value)

    def test_the_tool_http_sends_what_is_bound_to_an_origin_there_alone(self):
        self.init()
        value = made("card")
        here, there = Server(self, {"/echo": (200, {}, f"you sent {value}".encode())}), Server(self)
        self.put("card", value, "--origin", here.origin)
        granted = json.dumps([here.origin, there.origin])
        requests = json.dumps([f"GET {origin}" for origin in (here.origin, there.origin)])
        self.configure(f'[network]\nprivate_origins = {granted}\n[policy]\nallow = ["http"]\nrequests = {requests}\n'
                       f'[network.fetch.credentials.card]\norigin = "{here.origin}"\nsecret = "secret://card"\n')
        calls = [{"url": here.origin + "/echo"}, {"url": there.origin + "/x"},
                 {"url": here.origin + "/x", "headers": {"Authorization": "mine"}}]
        out, err = self.tau("run", "--json", "-s", "one", "Go.", *scripted(
            *(turn("", calls=[("http", each)]) for each in calls), turn("Done.")))
        self.assertEqual([seen[2].get("authorization") for seen in here.seen], [f"Bearer {value}"])
        self.assertEqual([seen[2].get("authorization") for seen in there.seen], [None])
        self.assertIn("you sent [redacted", out)
        self.assertIn("header_not_allowed", out)
        self.assertNotIn(value, out + err + self.tau("config", "show", "--json")[0])
        self.assert_nowhere(value)

    def test_a_second_origin_does_not_get_it(self):
        self.init()
        value = made("other")
        url = self.serve_with(turn("never"))
        self.put("provider/local", value, "--origin", "http://127.0.0.1:1")
        self.use(url)
        out, err = self.tau("run", "Go.", code=3)
        self.assertIn("secret_origin_mismatch", err)
        self.assertNotIn(value, out + err)
        self.assertFalse((self.folder / "requests.jsonl").read_text())

    def test_revoked_and_expired_keys_are_told_by_name(self):
        self.init()
        url = self.serve_with(turn("never"))
        self.use(url)
        self.assertIn("secret_not_found", self.tau("run", "Go.", code=3)[1])
        self.put("provider/local", made("x"), "--origin", url)
        self.tau("vault", "revoke", "provider/local")
        _, err = self.tau("run", "Go.", code=3)
        self.assertRegex(err, "secret_revoked: secret://provider/local was revoked")

    def test_a_project_may_not_name_secrets(self):
        self.init()
        (self.workspace / ".tau").mkdir()
        (self.workspace / ".tau" / "tau.toml").write_text('[providers.local]\napi_key = "secret://provider/local"\n')
        self.assertIn("not_allowed_in_project", self.tau("run", "Go.", code=3)[1])

    def test_keys_rotate_while_a_run_goes_on(self):
        self.init()
        value = made("rotating")
        turns = [turn("Looking. ", calls=[("ls", {"path": "."})], delay_ms=100) for _ in range(6)] + [turn("Done.")]
        url = self.serve_with(*turns)
        self.put("provider/local", value, "--origin", url)
        self.use(url)
        run = self.popen("run", "-q", "Go.")
        end = time.monotonic() + TIMEOUT
        while not (self.folder / "requests.jsonl").read_text() and time.monotonic() < end:
            time.sleep(0.01)
        self.tau("vault", "rotate")
        self.tau("vault", "rotate", "--keep-master")
        out, err = run.communicate(timeout=TIMEOUT)
        self.assertEqual((run.returncode, out.strip()[-5:]), (0, "Done."), err)
        self.assertEqual(self.sent(), [self.digest(value)] * len(turns))


class Import(VaultCase):
    def test_a_file_of_tau_is_taken_over(self):
        self.init()
        old = self.folder / "credentials.json"
        v2 = sealed_v2(made("v2"), PHRASE)
        document = {"schema_version": 1, "providers": {
            "openai": {"access_token": sealed_v1(made("v1"), PHRASE), "refresh_token": v2},
            "local": {"access_token": made("plain")}}, "integrations": {"broken": {"secret": "enc:v1:AAAA"}}}
        old.write_text(json.dumps(document))
        (self.folder / "words").write_text(PHRASE)
        report = json.loads(self.tau("vault", "import", str(old), "--old-passphrase-file", str(self.folder / "words"),
                                     "--origin-of", "provider/local=http://127.0.0.1:9", "--json")[0])
        self.assertEqual([s["reason"] for s in report["skipped"]], ["not_authentic"])
        at = ("--origin", "https://api.openai.com")
        self.assertEqual(self.get("provider/openai#access_token", *at)[0], made("v1"))
        self.assertEqual(self.get("provider/local#access_token", "--origin", "http://127.0.0.1:9")[0], made("plain"))
        if v2 is not None:
            self.assertEqual(self.get("provider/openai#refresh_token", *at)[0], made("v2"))
        again = self.tau("vault", "import", str(old))[0]
        self.assertIn("holds a secret of this name", again)
        self.assertIn("then delete", again)
        self.assertIn("usage", self.tau("vault", "import", str(old), "--origin-of", "x", code=2)[1])
        old.write_text("{}")
        self.assertIn("not_a_credential_file", self.tau("vault", "import", str(old), code=3)[1])



if __name__ == "__main__":
    tap.main()

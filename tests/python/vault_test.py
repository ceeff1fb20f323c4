"""The vault: bytes in, Secret out; what is shown of it; a runtime that looks references up."""

import copy
import logging
import pickle
import tempfile
import time
import unittest
from pathlib import Path

import tap
import tau

ORIGIN = "https://api.example.com"
KEY = bytes(range(32))


class VaultCase(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.path = self.folder / "inner" / "vault"

    def make(self, **more):
        vault = tau.Vault(self.path, create=True, **{"key": KEY, **more})
        self.addCleanup(vault.close)
        return vault

    def test_a_secret_comes_back_for_its_origin_alone(self):
        with self.make() as vault:
            vault.put("provider/example", bytearray(b"one two"), ORIGIN)
        with tau.Vault(self.path, key=KEY) as vault:
            with vault.get("secret://provider/example", ORIGIN + "/v1") as secret:
                self.assertEqual(secret.reveal(), b"one two")
                self.assertEqual(len(secret), 7)
            with self.assertRaises(tau.FailedPreconditionError):
                secret.reveal()
            with self.assertRaises(tau.PermissionDeniedError) as caught:
                vault.get("provider/example", "https://other.example.com")
            self.assertEqual(caught.exception.reason, "secret_origin_mismatch")
            self.assertNotIn("one two", str(caught.exception))
            with self.assertRaises(tau.NotFoundError):
                vault.get("provider/none", ORIGIN)

    def test_a_secret_shows_itself_to_nobody(self):
        vault = self.make()
        vault.put("a", memoryview(b"hidden-value"))
        secret = vault.get("a")
        shown = [repr(secret), str(secret), f"{secret}", f"{secret:>40}", "%s" % secret, "%r" % [secret],
                 repr(vault), repr(tau.VaultKey(passphrase=b"hidden-value"))]
        record = logging.LogRecord("x", logging.INFO, "", 0, "got %s", (secret,), None)
        for text in [*shown, record.getMessage(), str(vault.describe())]:
            self.assertNotIn("hidden-value", text)
        self.assertEqual(shown[:3], ["[REDACTED]"] * 3)
        for refused in (pickle.dumps, copy.copy, copy.deepcopy):
            for thing in (secret, vault, tau.VaultKey(key=KEY)):
                with self.assertRaises(TypeError):
                    refused(thing)
        with self.assertRaises(TypeError):
            bytes(secret)

    def test_values_are_bytes(self):
        vault = self.make()
        for wrong in ("text", 7, None, [1]):
            with self.assertRaises((TypeError, tau.InvalidArgumentError)):
                vault.put("a", wrong)
        with self.assertRaises(TypeError):
            tau.Vault(self.path, passphrase="a long enough text")
        with self.assertRaises(tau.InvalidArgumentError):
            vault.put("a", b"")
        with self.assertRaises(TypeError):
            tau.Vault(self.path)
        with self.assertRaises(TypeError):
            tau.Vault(self.path, key=KEY, key_file="x")

    def test_versions_expiry_and_revocation(self):
        vault = self.make()
        vault.put("a#token", b"first", expires=time.time() + 3600)
        vault.rotate_secret("a#token", b"second", grace=60)
        self.assertEqual(vault.get("a#token").reveal(), b"second")
        self.assertEqual(vault.get("a#token", version=1).reveal(), b"first")
        vault.set_expiry("a#token", 1.0)
        with self.assertRaises(tau.FailedPreconditionError) as caught:
            vault.get("a#token")
        self.assertEqual(caught.exception.reason, "secret_expired")
        vault.set_expiry("a#token", None)
        vault.revoke("a#token")
        self.assertEqual([s["state"] for s in vault.describe()["secrets"]], ["revoked"])
        vault.remove("a#token")
        self.assertEqual(vault.describe()["secrets"], [])
        vault.drop_damaged()

    def test_keys_come_go_and_rotate(self):
        vault = self.make()
        vault.put("a", b"value")
        vault.add_key(key_file=self.folder / "key", make=True, label="file")
        vault.add_key(passphrase=b"correct horse battery")
        self.assertEqual([key["kind"] for key in vault.describe()["keys"]], ["callback", "key_file", "passphrase"])
        with tau.Vault(self.path, passphrase=bytearray(b"correct horse battery")) as other:
            self.assertEqual(other.get("a").reveal(), b"value")
        vault.remove_key("passphrase")
        vault.rotate_keys(key_file=self.folder / "key")
        vault.rotate_keys()
        with self.assertRaises(tau.UnauthenticatedError) as caught:
            tau.Vault(self.path, key=KEY)
        self.assertEqual(caught.exception.reason, "wrong_key")
        with tau.Vault(self.path, key_file=self.folder / "key", read_only=True) as other:
            self.assertEqual(other.get("a").reveal(), b"value")
            with self.assertRaises(tau.FailedPreconditionError):
                other.remove("a")
        with self.assertRaises(tau.DataLossError):
            tau.Vault(self.path, key_file=self.folder / "key", least_epoch=1000)

    def test_takes_over_an_older_file(self):
        path = self.folder / "credentials.json"
        path.write_text('{"schema_version":1,"providers":{"openai":{"access_token":"old"}},"integrations":{}}')
        vault = self.make()
        self.assertEqual(vault.import_file(path)["imported"], ["secret://provider/openai#access_token"])
        self.assertEqual(vault.import_file(path, b"words")["skipped"][0]["reason"], "secret_exists")
        self.assertEqual(vault.get("provider/openai#access_token", "https://api.openai.com").reveal(), b"old")

    def test_what_a_configured_vault_holds_is_known_from_the_start(self):
        home, key_file = self.folder / "home", self.folder / "key"
        with self.make() as vault:
            vault.add_key(key_file=key_file, make=True, label="file")
            vault.put("a", b"known from the very start")
        config = {"vault": {"path": str(self.path), "key_file": str(key_file)}}
        with tau.Runtime(home, config=config) as runtime:
            self.assertIn("secret://a", runtime.scanner.describe()["secrets"])
            self.assertNotIn("very start", runtime.scanner.redact("It is known from the very start."))
        key_file.write_text("0" * 64 + "\n")
        with tau.Runtime(home, config=config) as runtime:  # only who needs it fails
            self.assertEqual(runtime.scanner.describe()["secrets"], [])

    def test_a_runtime_looks_references_up(self):
        vault = self.make()
        vault.put("provider/mine", b"hidden-value", ORIGIN)
        config = {"providers": {"mine": {"base_url": ORIGIN + "/v1", "api_key": "secret://provider/mine"}}}
        with tau.Runtime(config=config, vault=vault) as runtime:
            vault.close()
            about = runtime.describe()
            self.assertNotIn("hidden-value", str(about))
            mine, = [p for p in about["providers"] if p["name"] == "mine"]
            self.assertTrue(mine["ready"], mine)
        with tau.Runtime(config=config) as runtime:
            mine, = [p for p in runtime.describe()["providers"] if p["name"] == "mine"]
            self.assertFalse(mine["ready"])
            self.assertIn("secret://provider/mine", mine["reason"])


if __name__ == "__main__":
    tap.main()

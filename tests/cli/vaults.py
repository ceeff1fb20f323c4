"""What the tests of the vault share: one that a key file opens, and values to keep in it."""

import hashlib
import json

from support import CliCase


def made(name):
    """A value that is nobody's."""
    return "value-" + hashlib.sha256(name.encode()).hexdigest()[:24]


class VaultCase(CliCase):
    def setUp(self):
        super().setUp()
        self.key = self.folder / "keys" / "vault.key"
        self.key.parent.mkdir(mode=0o700)

    def init(self):
        self.tau("vault", "init", "--key-file", str(self.key))
        self.configure()

    def configure(self, text=""):
        self.home.mkdir(mode=0o700, exist_ok=True)
        config = self.home / "tau.toml"
        config.write_text(f'{text}\n[vault]\nkey_file = "{self.key}"\n')
        config.chmod(0o600)

    def put(self, name, value, *options, code=0):
        return self.tau("vault", "put", name, *(options or ["--local"]), stdin=value, code=code)

    def get(self, name, *options, code=0):
        return self.tau("vault", "get", name, *options, code=code)

    def listed(self, *options):
        return json.loads(self.tau("vault", "list", "--json", *options)[0])

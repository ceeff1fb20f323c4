"""tau auth: logins by browser and by code, what is shown of them, and that it is never a token."""

import json
import threading
import urllib.parse
import urllib.request

from support import tap
from vaults import VaultCase
from auth_server import AuthServer  # after support, which knows where it is


def open_url(url):
    """What a browser does; it follows the redirect to the listener."""
    with urllib.request.urlopen(url, timeout=30) as page:
        return page.read().decode()


class Auth(VaultCase):
    def setUp(self):
        super().setUp()
        self.server = AuthServer()
        self.addCleanup(self.server.close)
        self.tau("vault", "init", "--key-file", str(self.key))
        self.configure('model = "mine/m"\ntools = []\n' + self.server.toml())
        self.shown = ""

    def auth(self, *arguments, code=0):
        out, err = self.tau("auth", *arguments, code=code)
        self.shown += out + err
        return out, err

    def log_in(self):
        """As a person does who is shown the page."""
        process = self.popen("auth", "login", "main", "--no-browser", "--json")
        begun = json.loads(process.stdout.readline())
        page = open_url(begun["url"])
        out, err = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 0, err)
        self.shown += json.dumps(begun) + out + err + page
        return json.loads(out)

    def check_nothing_leaked(self):
        for token in self.server.given:
            self.assertNotIn(token, self.shown)
            for path in self.folder.rglob("*"):
                if path.is_file():
                    self.assertNotIn(token.split("-")[1].encode(), path.read_bytes(), path)

    def test_a_browser_logs_in_and_runs_use_the_token(self):
        self.assertIn("login_required", self.auth("status")[0])
        _, err = self.tau("run", "hello", code=6)
        self.assertIn("tau: login_required", err)
        self.assertIn("hint: 'tau auth login", err)
        done = self.log_in()
        self.assertEqual((done["state"], done["origins"]), ("ok", [self.server.origin]))
        self.assertIn("the answer", self.tau("run", "hello")[0])
        self.assertRegex(self.auth("status")[0], r"^main +oauth_pkce +ok +in \d+m +http://127\.0\.0\.1:\d+\n$")
        self.assertEqual(json.loads(self.auth("refresh", "main", "--json")[0])["generation"], 2)
        self.assertIn("the answer", self.tau("run", "hello")[0])
        self.assertIn("secret://auth/main#access_token", self.tau("vault", "list")[0])
        self.check_nothing_leaked()

    def test_a_code_logs_in(self):
        out, _ = self.auth("login", "main", "--device", "--no-browser")
        self.assertIn("WDJB-MJHT", out)
        self.assertIn(self.server.origin + "/go", out)
        self.assertIn("main", out.splitlines()[-1])
        self.check_nothing_leaked()

    def test_logout_gives_back_and_erases(self):
        self.log_in()
        refresh = self.server.refresh
        self.assertEqual(json.loads(self.auth("logout", "main", "--json")[0]),
                         {"name": "main", "state": "logged_out", "revoked": True})
        self.assertEqual(self.server.revoked, [refresh])
        self.assertNotIn("secret://auth/main", self.tau("vault", "list")[0])
        self.assertIn("login_required", self.auth("refresh", "main", code=6)[1])

    def test_refusals(self):
        self.assertIn("unknown_auth", self.auth("login", "other", code=3)[1])
        self.assertIn("unknown_auth", self.auth("status", "other", code=3)[1])
        self.auth("login", code=2)
        process = self.popen("auth", "login", "main", "--no-browser", "--json")
        fields = urllib.parse.parse_qs(urllib.parse.urlsplit(json.loads(process.stdout.readline())["url"]).query)
        listener = fields["redirect_uri"][0]
        threading.Thread(target=lambda: open_url(listener + "?code=x&state=wrong")).start()
        out, err = process.communicate(timeout=60)
        self.assertEqual((process.returncode, out), (3, ""))
        self.assertIn("tau: state_mismatch", err)
        self.assertNotIn(fields["state"][0], err)


if __name__ == "__main__":
    tap.main()

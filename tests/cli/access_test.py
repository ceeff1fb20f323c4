"""tau identity and tau access, and runs under a policy: whatever the model asks for, by whichever way in."""

import json

from support import TIMEOUT, CliCase, scripted, tap, turn

TALKS = {"action": "session:*", "resource": "session/*"}
POLICY = {
    "schema_version": 1,
    "roles": {"talker": {"allow": [TALKS]},
              "writer": {"allow": [{"action": "tool:write", "resource": "workspace/*"}],
                         "deny": [{"action": "tool:*", "resource": "workspace/secrets/*"}]}},
    "bindings": [{"principal": "alice", "roles": ["talker", "writer"]}, {"principal": "mallory", "roles": ["talker"]}],
}
HOSTILE = scripted(turn(calls=[("write", {"path": "out", "content": "x"}), ("bash", {"command": "touch out"})]),
                   turn(calls=[("write", {"path": "secrets/key", "content": "x"})]), turn("done"))


class PolicyCase(CliCase):
    def configure(self, policy=None, text='[access]\npolicy = "access.json"\n'):
        self.home.mkdir(mode=0o700, exist_ok=True)
        (self.home / "tau.toml").write_text(text)
        (self.home / "access.json").write_text(policy if isinstance(policy, str) else json.dumps(policy or POLICY))

    def written(self):
        return sorted(str(path.relative_to(self.workspace)) for path in self.workspace.rglob("*") if path.is_file())


class Runs(PolicyCase):
    def test_a_principal_without_the_right_calls_nothing(self):
        self.configure()
        every = ["--allow", "write,bash"]
        events = self.events("--principal", "mallory", *every, *HOSTILE, "go")
        self.assertEqual(self.written(), [])
        results = [event for event in events if event["event"] == "tool_result"]
        self.assertEqual({event["reason"] for event in results}, {"access_denied"})
        self.assertIn("no rule of the principal's roles", results[0]["content"])
        self.assertFalse([event for event in events if event["event"] == "approval"])
        self.events("--principal", "alice", *every, *HOSTILE, "go")
        self.assertEqual(self.written(), ["out"])

    def test_nor_does_one_that_nobody_names(self):
        self.configure()
        self.assertIn("access_denied", self.tau("run", *HOSTILE, "go", code=4)[1])

    def test_nor_over_stdio(self):
        self.configure()
        lines = [{"op": "run", "prompt": "go", "options": {"principal": "alice"}}]
        process = self.popen("run", "--stdio", "--principal", "mallory", "--allow", "write,bash", *HOSTILE)
        out, _ = process.communicate("".join(json.dumps(line) + "\n" for line in lines), timeout=TIMEOUT)
        self.assertIn("access_denied", out)
        self.assertIn("principal:act_as", out)
        process = self.popen("run", "--stdio", "--principal", "mallory", "--allow", "write,bash", *HOSTILE)
        out, _ = process.communicate('{"op":"run","prompt":"go"}\n', timeout=TIMEOUT)
        self.assertIn("run_done", out)
        self.assertEqual(self.written(), [])

    def test_nor_in_a_session_of_somebody_else(self):
        self.configure({**POLICY, "bindings": [{"principal": "alice", "roles": ["talker"]},
                                               {"principal": "bob", "roles": ["talker"], "scopes": ["session/bob-*"]}]})
        self.tau("run", "--principal", "alice", "-s", "hers", *scripted(turn("the secret")), "go")
        for command in (["sessions", "show", "hers"], ["sessions", "export", "hers"], ["sessions", "rm", "hers"],
                        ["sessions", "fork", "hers", "--as", "bob-1"], ["run", "-s", "hers", *scripted(turn("x")), "go"],
                        ["sessions", "resume", "hers"]):
            out, err = self.tau(*command, "--principal", "bob", code=4)
            self.assertIn("access_denied", err)
            self.assertNotIn("secret", out)
        self.assertEqual(self.tau("sessions", "list", "--ids", "--principal", "bob")[0], "")
        self.assertEqual(self.tau("sessions", "list", "--ids", "--principal", "alice")[0], "hers\n")


class Policies(PolicyCase):
    def ask(self, *words, code=0):
        return self.tau("access", *words, code=code)[0]

    def test_check_and_explain(self):
        self.configure()
        self.assertEqual(self.ask("check", "alice", "tool:write", "workspace/a"), "allowed\n")
        self.assertEqual(self.ask("check", "bob", "tool:write", "workspace/a", code=4), "denied\n")
        self.assertIn('the role "writer", which "alice" has, denies',
                      self.ask("explain", "alice", "tool:write", "workspace/secrets/a", code=4))
        found = json.loads(self.ask("explain", "--json", "alice", "tool:write", "workspace/a"))
        self.assertEqual((found["allowed"], found["role"]), (True, "writer"))
        other = self.folder / "other.json"
        other.write_text(json.dumps({"schema_version": 1, "roles": {}, "bindings": []}))
        self.assertEqual(self.ask("check", "alice", "tool:write", "workspace/a", "--policy", str(other), code=4), "denied\n")

    def test_lint(self):
        self.configure()
        self.assertIn("2 roles, 2 bindings", self.ask("lint"))
        self.configure({**POLICY, "roles": {**POLICY["roles"], "spare": {}},
                        "bindings": [{"principal": "slack:al*", "roles": ["talker"]}]})
        out = self.ask("lint")
        self.assertIn('"spare" is neither bound nor inherited', out)
        self.assertIn("covers every principal whose name goes on like that", out)
        self.configure('{"schema_version":1,"roles":{},"bindings":[{"principal":"x","roles":["y"]}]}')
        self.assertIn('names a role that is not defined', self.ask("lint", code=1))

    def test_a_broken_policy_stops_everything_and_doctor_says_so(self):
        self.configure('{"schema_version":1,"roles":{}}')
        self.assertIn("invalid_policy", self.tau("run", *scripted(turn("x")), "go", code=3)[1])
        findings = json.loads(self.tau("doctor", "--json", code=1)[0])["findings"]
        self.assertIn("access", [finding["check"] for finding in findings if finding["level"] == "problem"])

    def test_there_is_none_unless_one_is_named(self):
        self.assertIn("no_policy", self.tau("access", "check", "a", "b", "c", code=3)[1])


class Identities(CliCase):
    def setUp(self):
        super().setUp()
        key = self.folder / "key"
        self.tau("vault", "init", "--key-file", str(key))
        (self.home / "tau.toml").write_text(f'[vault]\nkey_file = "{key}"\n')

    def identity(self, *words, stdin="", code=0):
        return self.tau("identity", *words, stdin=stdin, code=code)

    def test_new_list_show_rotate(self):
        did = self.identity("new", "one")[0].strip()
        self.assertTrue(did.startswith("did:key:z6Mk"))
        self.assertIn("identity_exists", self.identity("new", "one", code=3)[1])
        web = self.identity("new", "two", "--did", "did:web:agent.example")[0]
        self.assertIn("publish the document", web)
        self.assertIn("https://agent.example/.well-known/did.json", web)
        listed = json.loads(self.identity("list", "--json")[0])
        self.assertEqual([(entry["name"], entry["did"]) for entry in listed],
                         [("one", did), ("two", "did:web:agent.example")])
        self.assertEqual(json.loads(self.identity("show", "one")[0])["id"], did)
        before = json.loads(self.identity("show", "--json", "two")[0])
        self.identity("rotate", "two")
        after = json.loads(self.identity("show", "--json", "two")[0])
        self.assertEqual(before["did"], after["did"])
        self.assertNotEqual(before["key_id"], after["key_id"])
        self.assertNotEqual(self.identity("rotate", "one")[0].split()[0], did)
        self.assertIn("secret_not_found", self.identity("show", "three", code=3)[1])

    def test_prove_and_verify(self):
        did = self.identity("new", "one")[0].strip()
        words = ["--audience", "me", "--purpose", "pair"]
        for expected, code in ((did, 0), ("did:key:z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp", 4)):
            verifier = self.popen("identity", "verify", *words, "--did", expected)
            challenge = verifier.stdout.readline()
            proof = self.identity("prove", "one", *words, stdin=challenge)[0]
            out, err = verifier.communicate(proof, timeout=TIMEOUT)
            self.assertEqual(verifier.returncode, code, err)
            self.assertIn(did if code == 0 else "wrong_did", out + err)
        self.assertIn("wrong_audience", self.identity("prove", "one", "--audience", "you", "--purpose", "pair",
                                                      stdin=challenge, code=3)[1])

    def test_cards(self):
        did = self.identity("new", "one")[0].strip()
        card = self.identity("sign-card", "one", stdin='{"name":"An agent"}')[0]
        self.assertEqual(self.identity("verify-card", "--did", did, stdin=card)[0].strip(), did)
        self.assertIn("invalid_signature", self.identity("verify-card", stdin=card.replace("An", "No"), code=4)[1])
        self.identity("new", "web", "--did", "did:web:agent.example")
        card = self.identity("sign-card", "web", stdin='{"name":"An agent"}')[0]
        self.assertIn("no_document", self.identity("verify-card", stdin=card, code=3)[1])
        document = self.folder / "did.json"
        document.write_text(self.identity("show", "web")[0])
        self.assertEqual(self.identity("verify-card", "--document", str(document), stdin=card)[0].strip(),
                         "did:web:agent.example")
        self.assertEqual(self.identity("resolve", "did:web:agent.example", "--file", str(document))[0],
                         document.read_text())

    def test_documents_are_fetched_by_the_rules_of_egress(self):
        for did, reason in (("did:web:127.0.0.1", "invalid_did_web"), ("did:web:localhost%3A8443", "invalid_did_web"),
                            ("did:web:app.localhost", "egress_"), ("did:web:agent.example%3A22", "egress_port")):
            self.assertIn(reason, self.tau("identity", "resolve", did, code=3)[1])

    def test_no_private_key_is_shown(self):
        self.identity("new", "one")
        self.tau("vault", "get", "identity/one", "-o", str(self.folder / "seed"))
        seed = (self.folder / "seed").read_bytes()
        shown = "".join(self.identity(*words)[0] for words in (["list"], ["show", "one"], ["show", "--json", "one"]))
        self.assertEqual(len(seed), 32)
        self.assertNotIn(seed.hex(), shown)


if __name__ == "__main__":
    tap.main()

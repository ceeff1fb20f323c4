"""Secrets in every place where a text can come in: none of them comes out. Canaries are made at run time."""

import base64
import json
import pathlib
import random
import string
import tempfile
import unittest
import urllib.parse

import tap
import tau
from support import script, turn
from tau import EventKind as K

def told(a: int = 0):
    return "told"


LETTERS = string.ascii_letters + string.digits


def drawn(count=32):
    return "".join(random.SystemRandom().choices(LETTERS, k=count))


def split(text, count=5):
    cuts = sorted(random.sample(range(1, len(text)), count - 1))
    return [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)])]


def forms(secret):
    data = secret.encode()
    yield secret
    yield data.hex()
    yield data.hex().upper()
    yield urllib.parse.quote(secret, safe="")
    yield json.dumps(secret)[1:-1]
    for skip in range(3):  # what is the same in base 64 whatever stands around
        text = base64.b64encode(b"x" * skip + data).decode()
        yield text[4 if skip else 0:len(text) // 4 * 4 - 4]


class Canaries(unittest.TestCase):
    """The canary is the key of a provider, with characters that JSON and URLs escape."""

    def setUp(self):
        self.canary = drawn(16) + '"\\%' + drawn(16)
        self.place = tempfile.TemporaryDirectory()
        self.addCleanup(self.place.cleanup)
        self.home = pathlib.Path(self.place.name, "home")
        self.workspace = pathlib.Path(self.place.name, "workspace")
        self.workspace.mkdir()
        self.seen = []  # all that came out

    def runtime(self, **config):
        return tau.Runtime(self.home, workspace=self.workspace,
                           config={"providers": {"openai": {"api_key": self.canary}}, **config})

    def play(self, runtime, *turns, prompt="go", tool=None, on_approval=None, ops=(), **config):
        agent = runtime.agent(config={**script(*turns), "policy": {"allow": ["tell"]}, **config})
        if tool is not None:
            agent.tool(tool, name="tell", effect="egress", description="Tells.")
        session = agent.session()
        run = session.run(prompt, on_approval=on_approval)
        for op in ops:
            run.submit(op)
        for event in run:
            self.seen += [event.text, event.call_id, json.dumps(event.body, ensure_ascii=False), json.dumps(event.body)]
        self.seen += [repr(run.outcome), json.dumps(session.export()), json.dumps(session.describe())]
        return run.outcome

    def assert_clean(self):
        files = [path.read_bytes() for path in self.home.rglob("*") if path.is_file()]
        self.assertTrue(files)
        for form in forms(self.canary):
            for text in self.seen:
                self.assertNotIn(form, text)
            for data in files:
                self.assertNotIn(form.encode(), data)

    def test_what_a_model_says(self):
        c = self.canary
        with self.runtime() as runtime:
            self.play(runtime,
                      turn(text=split(f"It is {c}."), reasoning=split(f"Was it {c}?"),
                           calls=[("tell", {"deep": [{c: c}], "hex": c.encode().hex()}), (c, {}), ("tell", c)]),
                      turn(text=base64.b64encode(f"now {c} again".encode()).decode()), tool=told)
        self.assert_clean()

    def test_ids_of_calls_and_broken_arguments(self):
        c = self.canary
        with self.runtime() as runtime:
            self.play(runtime, {"tool_calls": [{"id": c, "name": "tell", "arguments": {"a": 1}},
                                               {"id": "x" + c, "name": "tell", "arguments": '{"a": "' + c}]},
                      turn("done"), tool=told)
        self.assert_clean()

    def test_what_tools_say(self):
        c = self.canary

        def tell():
            call = tau.current_call()
            for piece in split(f"on the way to {c}!"):
                call.progress(piece)
            return {"key": c, c: [c], "text": "x" * 200 + c}

        def fail():
            raise tau.ToolError(f"no {c}", "reason")
        with self.runtime() as runtime:
            for tool in (tell, fail):
                self.play(runtime, turn(calls=[("tell", {})]), turn("done"), tool=tool)
        self.assert_clean()

    def test_a_secret_on_the_edge_of_what_is_cut_off(self):
        for shift in range(0, 40, 7):
            text = "y" * (64 * 1024 - shift) + self.canary + "z" * 100_000
            with self.runtime() as runtime:
                self.play(runtime, turn(calls=[("tell", {})]), turn("done"), tool=lambda text=text: text)
        whole = "".join(self.seen)
        for length in range(12, len(self.canary)):
            self.assertNotIn(self.canary[:length], whole)

    def test_what_the_host_says(self):
        c = self.canary
        with self.runtime() as runtime:
            self.play(runtime, turn("a"), turn("b"), turn("c"), prompt=f"Remember {c}",
                      ops=[{"op": "message", "text": f"and {c}"}, {"op": "steer", "text": f"or {c}"},
                           {"op": "message", "id": "m1", "message": {"role": "user", "parts": [{"type": "text", "text": f"then {c}"}]}}],
                      system=f"You know {c}.")
            self.play(runtime, turn(calls=[("tell", {})]), turn("done"), policy={"ask": ["tell"]}, tool=lambda: "told",
                      on_approval=lambda event: (False, f"because of {c}"))
        self.assert_clean()

    def test_files_of_the_workspace(self):
        (self.workspace / "AGENTS.md").write_text(f"The key is {self.canary}.")
        (self.workspace / "notes.txt").write_text(f"one\nkey: {self.canary}\nthree")
        with self.runtime() as runtime:
            self.play(runtime, turn(calls=[("read", {"path": "notes.txt"}), ("grep", {"pattern": "key"})]), turn("done"))
        self.assert_clean()
        self.assertIn("[redacted:", "".join(self.seen))

    def test_it_would_be_seen_if_nobody_knew_it(self):
        with tau.Runtime(self.home, config={"safety": {"redact": "secrets"}}) as runtime:
            self.play(runtime, turn(f"It is {self.canary}."))
        with self.assertRaises(AssertionError):
            self.assert_clean()

    def test_errors(self):
        c = self.canary
        with self.runtime() as runtime:
            outcome = self.play(runtime, turn("so far", error={"code": "permission_denied", "reason": "no_way",
                                                               "message": f"{c} is not allowed"}))
        self.assertEqual(outcome.reason, "no_way")
        self.assert_clean()


class Rules(unittest.TestCase):
    """Credentials that nobody registered."""

    def setUp(self):
        self.token = "gh" + "p_" + drawn(36)
        self.runtime = tau.Runtime()
        self.addCleanup(self.runtime.close)

    def text_of(self, *turns, tool=None, prompt="go", **config):
        agent = self.runtime.agent(config={**script(*turns), "policy": {"allow": ["tell"]}, **config})
        if tool is not None:
            agent.tool(tool, name="tell")
        events = list(agent.session().run(prompt))
        return json.dumps([[event.text, event.body] for event in events])

    def test_tools_and_models(self):
        found = self.text_of(turn(calls=[("tell", {})]), turn(split(f"It is {self.token}, I think.")),
                             tool=lambda: f"token={self.token}")
        self.assertNotIn(self.token, found)
        self.assertIn("It is [redacted:", found)
        self.assertIn(", I think.", found)

    def test_what_the_user_says_is_the_users(self):
        session = self.runtime.agent(config=script(turn("ok"))).session()
        list(session.run(f"Use {self.token} for it"))
        self.assertIn(self.token, json.dumps(session.export()))

    def test_the_rules_may_be_off(self):
        with tau.Runtime(config={"safety": {"redact": "secrets"}}) as runtime:
            events = list(runtime.agent(config=script(turn(f"It is {self.token}."))).session().run("go"))
        self.assertIn(self.token, "".join(event.text for event in events))

    def test_a_project_cannot_turn_them_off(self):
        with tempfile.TemporaryDirectory() as place:
            pathlib.Path(place, ".tau").mkdir()
            pathlib.Path(place, ".tau", "tau.toml").write_text('[safety]\nredact = "secrets"\n')
            with self.assertRaises(tau.InvalidArgumentError) as caught:
                tau.Runtime(workspace=place, config_files=True)
            self.assertEqual(caught.exception.reason, "not_allowed_in_project")

    def test_deltas_are_the_message(self):
        text = f"one {self.token} two\n\nthree: {self.token}"
        events = list(self.runtime.agent(config=script(turn(split(text, 30)))).session().run("go"))
        streamed = "".join(event.text for event in events if event.kind == K.TEXT)
        message = next(event for event in events if event.kind == K.MESSAGE)
        self.assertEqual(streamed, message.text)
        self.assertNotIn(self.token, streamed)

    def test_a_placeholder_is_not_written(self):
        with tempfile.TemporaryDirectory() as place:
            with tau.Runtime(workspace=place) as runtime:
                agent = runtime.agent(config={**script(
                    turn(calls=[("write", {"path": "a", "content": "k = [redacted:github-token]"})]), turn("done")),
                    "policy": {"allow": ["write"]}})
                events = list(agent.session().run("go"))
            result = next(event for event in events if event.kind == K.TOOL_RESULT)
            self.assertIn("redacted_argument", json.dumps(result.body))
            self.assertEqual(list(pathlib.Path(place).iterdir()), [])


class Scanners(unittest.TestCase):
    """By themselves, without a run."""

    def test_finds_and_takes_out(self):
        scanner, secret = tau.Scanner(), drawn()
        scanner.add_secret("mine", secret)
        text = f"é {secret} and {secret.encode().hex()}"
        found = scanner.scan(text)
        self.assertEqual([each["subject"] for each in found], ["mine", "mine"])
        self.assertEqual((found[0]["offset"], found[0]["length"]), (3, len(secret)))
        self.assertEqual(scanner.redact(text), "é [redacted:registered-secret] and [redacted:registered-secret]")
        self.assertEqual(scanner.describe()["secrets"], ["mine"])
        scanner.add_secret("mine", drawn())  # it was rotated: both are known
        self.assertEqual(len(scanner.scan(secret)), 1)
        scanner.remove_secret("mine")
        self.assertEqual(scanner.scan(text), [])

    def test_what_is_no_secret(self):
        scanner = tau.Scanner()
        for secret, reason in (("abc", "secret_too_short"), ("x" * 20_000, "secret_too_long")):
            with self.assertRaises(tau.InvalidArgumentError) as caught:
                scanner.add_secret("mine", secret)
            self.assertEqual(caught.exception.reason, reason)
        with self.assertRaises(tau.InvalidArgumentError):
            scanner.add_secret("", drawn())
        with self.assertRaises(tau.NotFoundError):
            scanner.remove_secret("mine")

    def test_rules(self):
        token = "gh" + "p_" + drawn(36)
        scanner = tau.Scanner(rules={"format": 1, "revision": 7})
        self.assertEqual([each["confidence"] for each in scanner.scan(token)], ["likely"])
        self.assertEqual(tau.Scanner(use_rules=False).scan(token), [])
        with self.assertRaises(tau.FailedPreconditionError):
            scanner.replace_rules({"format": 1, "revision": 6})
        with self.assertRaises(tau.InvalidArgumentError):
            tau.Scanner(rules={"format": 1})

    def test_personal_data(self):
        text = "jane@example.org pays with 4111 1111 1111 1111"
        self.assertEqual(tau.Scanner().scan(text), [])
        scanner = tau.Scanner(pii=["email", "card"])
        self.assertEqual(scanner.redact(text), "[redacted:email] pays with [redacted:payment-card]")
        self.assertEqual(tau.Scanner(pii=["email"], use_rules=False).describe()["rules"], ["email"])
        signals = tau.Scanner(pii=("email",), pii_action="signal")
        self.assertEqual(signals.redact(text), text)
        self.assertEqual([each["signal"] for each in signals.scan(text)], [True])
        with self.assertRaises(tau.InvalidArgumentError) as caught:
            tau.Scanner(pii=["name"])
        self.assertEqual(caught.exception.reason, "invalid_pii")
        with self.assertRaises(ValueError):
            tau.Scanner(pii=["email"], pii_action="drop")

    def test_pieces(self):
        scanner, secret = tau.Scanner(use_rules=False), drawn()
        scanner.add_secret("mine", secret)
        redactor = scanner.redactor()
        out = "".join(map(redactor.feed, f"It is {secret}, they say.")) + redactor.finish()
        self.assertEqual(out, "It is [redacted:registered-secret], they say.")
        self.assertEqual(redactor.feed("half") + redactor.flush() + redactor.finish(), "half")

    def test_that_of_a_runtime(self):
        secret = drawn()
        with tau.Runtime() as runtime:
            scanner = runtime.scanner
            scanner.add_secret("word", secret)
            agent = runtime.agent(config=script(turn(["The word is ", *split(secret), "!"])))
            text = "".join(event.text for event in agent.session().run("go") if event.kind == K.TEXT)
        self.assertEqual(text, "The word is [redacted:registered-secret]!")
        self.assertEqual(len(scanner.scan(secret)), 1)  # it outlives its runtime


if __name__ == "__main__":
    tap.main()

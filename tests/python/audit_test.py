"""The audit log of a home: what runs record, held against the independent verifier; canaries; what must be recorded."""

import base64
import json
import os
import pathlib
import random
import signal
import string
import subprocess
import sys
import tempfile
import textwrap
import unittest
import urllib.parse

import tap
import tau
from redaction_test import forms
from support import script, turn

VERIFIER = pathlib.Path(__file__).resolve().parents[2] / "tools" / "audit_verify.py"
LETTERS = string.ascii_letters + string.digits


def drawn(count=32):
    return "".join(random.SystemRandom().choices(LETTERS, k=count))


def verify(place, *arguments):
    """What the verifier says that shares no code with the library."""
    return subprocess.run([sys.executable, VERIFIER, place / "audit", *arguments], capture_output=True, text=True, check=False)


class AuditCase(unittest.TestCase):
    def setUp(self):
        place = tempfile.TemporaryDirectory()
        self.addCleanup(place.cleanup)
        self.place = pathlib.Path(place.name)
        self.home = self.place / "home"

    def runtime(self, **config):
        return tau.Runtime(self.home, config=config)

    def records(self, kind=None):
        return [record for record in tau.audit_records(self.home) if kind in (None, record["kind"])]

    def play(self, runtime, *turns, prompt="go", tool=lambda: "told", effect="write", on_approval=None, **config):
        agent = runtime.agent(config={**script(*turns), "policy": {"allow": ["tell"]}, **config})
        agent.tool(tool, name="tell", effect=effect, description="Tells.")
        run = agent.session().run(prompt, on_approval=on_approval)
        list(run)
        return run.outcome


class WholeRun(AuditCase):
    def test_both_verifiers_agree_on_what_a_run_recorded(self):
        with tau.Vault(self.place / "vault", create=True, key_file=self.place / "key", make=True) as vault:
            with tau.Runtime(self.home, vault=vault) as runtime:
                self.play(runtime, turn("So.", calls=[("tell", {})]), turn("done"))
                head = runtime.audit_head()
                self.play(runtime, turn("more"))
        about = tau.verify_audit(self.home, head=head)
        self.assertEqual((about["ok"], about["signature"], about["heads"]), (True, "checked", ["database", "kept"]))
        kept = self.place / "head"
        kept.write_text(head)
        done = verify(self.home, "--head", kept, "--public-key", about["key"])
        self.assertEqual((done.returncode, done.stdout[:3]), (0, "ok:"), done.stdout + done.stderr)
        self.assertEqual(tau.verify_audit(self.home / "audit", public_key=about["key"])["records"], about["records"])
        self.assertEqual(tau.audit_head(self.home), (self.home / "audit/head.json").read_text())

        decided, finished = self.records("tool.decided")[0], self.records("tool.finished")[0]
        self.assertEqual((decided["tool"], decided["decision"], decided["reason"]), ("tell", "allow", "allowed_by_policy"))
        self.assertEqual(decided["call"], finished["call"])
        self.assertEqual((finished["outcome"], finished["result_bytes"]), ("ok", len("told")))
        self.assertIn("model", finished["integrity"] + decided["integrity"])
        started, ended = self.records("run.started")[0], self.records("run.ended")[0]
        self.assertEqual(started["run"], ended["run"])
        self.assertEqual(started["session"], decided["session"])
        self.assertEqual(ended["outcome"], "ok")
        sums = tau.summarise_audit(self.home)
        self.assertEqual((sums["tools"]["tell"]["calls"], sums["tools"]["tell"]["allowed"]), (1, 1))
        self.assertEqual(sums["providers"]["scripted"]["requests"], 3)

    def test_every_changed_byte_is_found_by_both(self):
        with self.runtime() as runtime:
            self.play(runtime, turn(calls=[("tell", {})]), turn("done"))
        file = next((self.home / "audit").glob("audit-*.jsonl"))
        data = file.read_bytes()
        for at in random.Random(1).sample(range(len(data)), 40):
            file.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1:])
            ours, theirs = tau.verify_audit(self.home / "audit"), verify(self.home)
            self.assertEqual((ours["ok"], theirs.returncode), (False, 1))
            self.assertIn(f"{ours['file']}:{ours['line']}: {ours['reason']}", theirs.stdout + theirs.stderr)
        file.write_bytes(data)
        self.assertTrue(tau.verify_audit(self.home)["ok"])

    def test_approvals_denials_and_failures(self):
        with self.runtime() as runtime:
            for allow in (True, False):
                self.play(runtime, turn(calls=[("tell", {})]), turn("done"), policy={"ask": ["tell"]},
                          on_approval=lambda event, allow=allow: (allow, "because"))
            self.play(runtime, turn(calls=[("tell", {}), ("nothing", {}), ("tell", "{")]), turn("done"), policy={"deny": ["tell"]})
            error = {"code": "resource_exhausted", "reason": "rate_limited", "message": "slow down"}
            self.assertEqual(self.play(runtime, turn("so far", error=error)).reason, "rate_limited")
        self.assertEqual([record["decision"] for record in self.records("approval.answered")], ["allow", "deny"])
        self.assertEqual(len(self.records("approval.asked")), 2)
        self.assertEqual(len(self.records("tool.finished")), 1)
        reasons = [(record["tool"], record["reason"]) for record in self.records("tool.decided") if record["decision"] == "deny"]
        self.assertEqual(reasons, [("tell", "denied_by_policy"), ("nothing", "unknown_tool"), ("tell", "invalid_arguments")])
        self.assertEqual([record["outcome"] for record in self.records("model.finished")].count("throttled"), 1)
        self.assertEqual(self.records("run.ended")[-1]["reason"], "rate_limited")
        self.assertTrue(tau.verify_audit(self.home)["ok"])

    def test_records_of_the_program(self):
        with self.runtime() as runtime:
            runtime.audit("access.denied", principal="eve", target="session", action="read")
            for wrong in ({"kind": "run.started"}, {"kind": "host.noted", "more": 1}):
                with self.assertRaises(tau.InvalidArgumentError):
                    runtime.audit(**wrong)
        self.assertEqual(self.records("access.denied")[0]["principal"], "eve")
        with tau.Runtime() as runtime, self.assertRaises(tau.FailedPreconditionError) as caught:
            runtime.audit("host.noted")
        self.assertEqual(caught.exception.reason, "no_audit_log")

    def test_what_changed(self):
        for turns in (3, 3, 4):
            with self.runtime(limits={"max_turns": turns}) as runtime:
                self.play(runtime, turn("done"))
        self.assertEqual([record["action"] for record in self.records("config.changed")], ["first_seen", "changed"])
        self.assertEqual(len(self.records("policy.changed")), 3)  # one for each runtime
        with tau.Vault(self.place / "vault", create=True, key_file=self.place / "key", make=True) as vault:
            with tau.Runtime(self.home, vault=vault) as runtime:
                vault.put("mine", b"a value", origin=None)
                self.play(runtime, turn("done"))
        self.assertIn(("put", "mine"), [(record["action"], record["target"]) for record in self.records("vault.changed")])


class Canaries(AuditCase):
    """A key of a provider, with characters that JSON and URLs escape, in every text that reaches the log."""

    def setUp(self):
        super().setUp()
        self.canary = drawn(16) + '"\\%' + drawn(16)

    def keyed(self):
        return self.runtime(providers={"openai": {"api_key": self.canary}})

    def assert_clean(self):
        data = b"".join(path.read_bytes() for path in (self.home / "audit").iterdir())
        self.assertIn(b'"run.', data)
        for form in forms(self.canary):
            self.assertNotIn(form.encode(), data)

    def test_what_models_tools_and_hosts_say(self):
        c = self.canary

        def fail():
            raise tau.ToolError(f"no {c}", c.encode().hex())
        with self.keyed() as runtime:
            self.play(runtime, {"tool_calls": [{"id": c, "name": "tell", "arguments": {c: c}},
                                               {"id": "x" + c, "name": c, "arguments": c}]}, turn(c), tool=lambda: c * 3)
            self.play(runtime, turn(calls=[("tell", {})]), turn("done"), tool=fail)
            self.play(runtime, turn(calls=[("tell", {})]), turn("done"), policy={"ask": ["tell"]},
                      on_approval=lambda event: (False, c))
            self.play(runtime, turn("so far", error={"code": "unavailable", "reason": "no_way", "message": c}))
        self.assert_clean()
        self.assertTrue(tau.verify_audit(self.home)["ok"])

    def test_every_member_of_a_record(self):
        texts = ("agent", "principal", "session", "run", "call", "tool", "action", "target", "decision", "outcome", "reason",
                 "provider", "model", "integrity", "readers")
        with self.keyed() as runtime:
            data = self.canary.encode()
            for form in (self.canary, data.hex(), data.hex().upper(), urllib.parse.quote(self.canary, safe=""),
                         base64.b64encode(data).decode(), json.dumps(self.canary)[1:-1]):
                runtime.audit("host.noted", **dict.fromkeys(texts, f"before {form} after"))
            self.play(runtime, turn("done"))
        self.assert_clean()
        for record in self.records("host.noted"):
            self.assertEqual([name for name in texts if "before" not in record[name]], [])

    def test_it_would_be_seen_if_nobody_knew_it(self):
        with self.runtime(safety={"redact": "secrets"}) as runtime:
            runtime.audit("host.noted", target=self.canary)
            self.play(runtime, turn("done"))
        with self.assertRaises(AssertionError):
            self.assert_clean()


# Runs until it is killed; says each call that it executed, in one write.
CHILD = textwrap.dedent("""
    import os, sys
    import tau
    turns = [{"tool_calls": [{"name": "tell", "arguments": {}}]}, {"text": ["done"]}]
    runtime = tau.Runtime(sys.argv[1], config={"audit": {"required": True}})
    agent = runtime.agent(config={"model": "scripted/demo", "script": {"turns": turns, "loop": True}, "policy": {"allow": ["tell"]}})

    @agent.tool(name="tell", effect="write", description="Tells.")
    def tell():
        call = tau.current_call()
        os.write(1, f"{call.run_id} {call.call_id}\\n".encode())
        return "told"

    while True:
        list(agent.session().run("go"))
""")


class Killed(AuditCase):
    def test_every_call_that_was_executed_has_its_record(self):
        executed = []
        rounds = int(os.environ.get("TAU_AUDIT_RUN_KILLS", "4"))
        for round_ in range(rounds):
            children = [subprocess.Popen([sys.executable, "-c", CHILD, self.home], stdout=subprocess.PIPE,
                                         env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}) for _ in range(1 + round_ % 2)]
            for child in children:
                for _ in range(random.randrange(1, 12)):
                    executed.append(child.stdout.readline().decode().strip())
            for child in children:
                child.send_signal(signal.SIGKILL)
                executed += child.stdout.read().decode().split("\n")
                child.stdout.close()
                child.wait()
            with self.runtime() as runtime:  # repairs a torn end
                runtime.audit("host.noted", action="round")
            self.assertTrue(tau.verify_audit(self.home)["ok"])
            done = verify(self.home)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        decided = {f"{record['run']} {record['call']}" for record in self.records("tool.decided")}
        missing = [call for call in executed if call and call not in decided]
        self.assertEqual(missing, [])
        self.assertGreater(len(decided), rounds)


class Backups(AuditCase):
    def test_a_backup_verifies_and_a_home_that_is_put_back_goes_on(self):
        backup, other = self.place / "backup", self.place / "other"
        with self.runtime() as runtime:
            self.play(runtime, turn("one"))
            self.assertIn("audit", runtime.backup(backup)["files"])
            self.play(runtime, turn("two"))
            for place in (self.home, backup):
                self.assertEqual(tau.verify_home(place)["problems"], [])
                self.assertTrue(tau.verify_audit(place)["ok"])
        tau.restore_home(backup, other)
        with tau.Runtime(other) as runtime:
            self.play(runtime, turn("three"))
        self.assertTrue(tau.verify_audit(other)["ok"])
        report = tau.restore_home(backup, self.home, replace=True)
        self.assertTrue(tau.verify_audit(pathlib.Path(report["replaced"]))["ok"])
        self.assertEqual(len(self.records("run.ended")), 1)

    def test_what_holds_a_changed_log_is_not_sound(self):
        backup = self.place / "backup"
        with self.runtime() as runtime:
            self.play(runtime, turn("one"))
            runtime.backup(backup)
        next((backup / "audit").glob("audit-*.jsonl")).write_bytes(b"{}\n")
        about = tau.verify_home(backup)
        self.assertEqual([problem["reason"] for problem in about["problems"]], ["audit_log_damaged"])


if __name__ == "__main__":
    tap.main()

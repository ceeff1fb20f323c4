"""tau approvals: what waits in one process is seen and answered from another one, once, whoever is killed meanwhile."""

import json
import random
import subprocess
import threading
import time

from support import TIMEOUT, CliCase, scripted, tap, turn

WRITE = ("write", {"path": "made.txt", "content": "made"})
POLICY = {"schema_version": 1,
          "roles": {"runs": {"allow": [{"action": "tool:*", "resource": "*"}, {"action": "session:*", "resource": "session/*"}]},
                    "reviews": {"allow": [{"action": "approve:write", "resource": "session/*"},
                                          {"action": "approval:list", "resource": "session/*"}]}},
          "bindings": [{"principal": "alice", "roles": ["runs"]}, {"principal": "bob", "roles": ["reviews"]}]}


class Approvals(CliCase):
    def wait(self, *arguments, session="s1"):
        """A run that waits for somebody else."""
        process = self.popen("run", "go", "--session", session, "--await-approvals", *arguments)
        guard = threading.Timer(TIMEOUT, process.kill)
        guard.start()
        for cleanup in (process.stderr.close, process.stdout.close, process.stdin.close, process.wait, guard.cancel,
                        process.kill):
            self.addCleanup(cleanup)
        return process

    def rows(self, *arguments):
        return json.loads(self.tau("approvals", "list", "--json", *arguments)[0])["approvals"]

    def shown(self, count=1):
        """The ids of so many calls that wait, once they do."""
        end = time.monotonic() + TIMEOUT / 2
        while time.monotonic() < end:
            rows = [row for row in self.rows() if row["state"] == "waiting"] if self.home.exists() else []
            if len(rows) == count:
                return [row["id"] for row in rows] if count > 1 else rows[0]["id"]
            time.sleep(0.05)
        self.fail(f"{count} calls should wait")

    def ended(self, process, code=0):
        out, err = process.communicate(timeout=TIMEOUT)
        self.assertEqual(process.returncode, code, err)
        return out

    def test_an_approval_from_another_process(self):
        process = self.wait(*scripted(turn("", [WRITE]), turn("Done.")))
        waits = self.shown()
        text = self.tau("approvals", "list")[0]
        self.assertIn(waits, text)
        self.assertIn("write (write", text)
        shown = self.tau("approvals", "show", waits)[0]
        self.assertIn('{"path":"made.txt","content":"made"}', shown)
        self.assertIn("waiting", shown)
        self.assertEqual(self.tau("approvals", "approve", waits, "--note", "go on")[0], "approved\n")
        self.assertIn("Done.", self.ended(process))
        self.assertTrue((self.workspace / "made.txt").exists())
        [row] = self.rows("--all")
        self.assertEqual((row["state"], row["applied"], row["decider"], row["note"]), ("approved", True, "local", "go on"))
        self.assertEqual(self.rows(), [])
        self.assertIn("approval_decided", self.tau("approvals", "deny", waits, code=3)[1])

    def test_a_denial_from_another_process(self):
        process = self.wait(*scripted(turn("", [WRITE]), turn("Done.")))
        answer = json.loads(self.tau("approvals", "deny", self.shown(), "--json")[0])
        self.assertEqual((answer["state"], answer["applied"]), ("denied", True))
        self.ended(process)
        self.assertFalse((self.workspace / "made.txt").exists())

    def test_a_host_that_speaks_json_lines_is_answered_for(self):
        process = self.popen("run", "--stdio", *scripted(turn("", [WRITE]), turn("Done.")))
        self.addCleanup(process.kill)
        process.stdin.write(json.dumps({"op": "run", "prompt": "write"}) + "\n")
        process.stdin.flush()
        self.tau("approvals", "approve", self.shown())
        out, err = process.communicate(timeout=TIMEOUT)
        events = [json.loads(line) for line in out.splitlines()]
        self.assertEqual([e["is_error"] for e in events if e["event"] == "tool_result"], [False], err)

    def test_nothing_waits_in_a_home_without_runs(self):
        self.assertEqual(self.tau("approvals", "list")[0], "")
        self.assertEqual(self.rows(), [])
        self.assertFalse(self.home.exists())
        self.assertIn("approval_unknown", self.tau("approvals", "approve", "apr_none", code=3)[1])
        self.assertIn("needs a store", self.tau("run", "hi", "--no-store", "--await-approvals", code=2)[1])

    def test_what_a_model_wrote_cannot_drive_the_terminal(self):
        path = "a\u202etxt.exe\u001b[2J\r\nstate: approved\u0007"
        process = self.wait(*scripted(turn("", [("write", {"path": path, "content": "\u2066x\u2069"})]), turn("Done.")))
        waits = self.shown()
        shown = self.tau("approvals", "show", waits)[0]
        for bad in ("\u202e", "\u2066", "\u001b", "\u0007", "\r", "\nstate"):
            self.assertNotIn(bad, shown)
        self.assertIn("\\u{202e}", shown)
        self.tau("approvals", "deny", waits)
        self.ended(process)

    def test_who_may_approve(self):
        self.home.mkdir(mode=0o700)
        (self.home / "access.json").write_text(json.dumps(POLICY))
        (self.home / "tau.toml").write_text('[access]\npolicy = "access.json"\n')
        process = self.wait("--principal", "alice", *scripted(turn("", [WRITE]), turn("Done.")))
        end = time.monotonic() + TIMEOUT / 2
        rows = []
        while not rows and time.monotonic() < end:
            rows = self.rows("--principal", "bob")
        waits = rows[0]["id"]
        self.assertEqual(self.rows("--principal", "alice"), [], "who may not list sees none")
        for who in ("alice", "mallory"):
            self.assertIn("access_denied", self.tau("approvals", "approve", waits, "--principal", who, code=4)[1])
        # A decider that opens the home without its policy is held to that of the process that waits.
        (self.home / "tau.toml").write_text("")
        self.assertIn("approval_refused", self.tau("approvals", "approve", waits, "--principal", "mallory", code=4)[1])
        self.assertEqual(self.tau("approvals", "approve", waits, "--principal", "bob")[0], "approved\n")
        self.ended(process)
        records = [json.loads(line) for line in self.tau("audit", "tail", "--json")[0].splitlines()]
        answers = [(r["principal"], r["outcome"]) for r in records if r["kind"] == "approval.answered"]
        self.assertIn(("bob", "ok"), answers)
        self.assertIn(("mallory", "error"), answers)
        self.assertIn(("alice", "error"), answers)

    def test_a_killed_process_leaves_what_nobody_can_approve(self):
        script = scripted(turn("", [WRITE]), turn("Done."))
        process = self.wait(*script)
        waits = self.shown()
        process.kill()
        process.wait()
        [row] = self.rows()
        self.assertEqual(row["state"], "stale")
        self.assertIn("approval_stale", self.tau("approvals", "approve", waits, code=3)[1])
        # Who goes on asks anew, by another name; the old one is gone.
        again = self.popen("run", "--session", "s1", "--resume", "--await-approvals", *script)
        self.addCleanup(again.kill)
        fresh = self.shown()
        self.assertNotEqual(fresh, waits)
        self.assertIn("approval_unknown", self.tau("approvals", "approve", waits, code=3)[1])
        self.tau("approvals", "approve", fresh)
        self.ended(again)
        self.assertEqual((self.workspace / "made.txt").read_text(), "made")

    def test_a_policy_that_changed_in_between_asks_anew(self):
        script = scripted(turn("", [WRITE]), turn("Done."))
        process = self.wait(*script)
        waits = self.shown()
        before = json.loads(self.tau("approvals", "show", waits, "--json")[0])
        process.kill()
        process.wait()
        again = self.popen("run", "--session", "s1", "--resume", "--await-approvals", "--set", "policy.preset=strict", *script)
        self.addCleanup(again.kill)
        after = json.loads(self.tau("approvals", "show", self.shown(), "--json")[0])
        self.assertNotEqual(before["binding"], after["binding"])
        self.assertNotEqual(before["policy_epoch"], after["policy_epoch"])
        self.tau("approvals", "deny", after["id"])
        self.ended(again)

    def test_deciders_that_race_or_are_killed(self):
        chance = random.Random(5)
        for i in range(6):
            path = f"made{i}.txt"
            process = self.wait(*scripted(turn("", [("write", {"path": path, "content": "x"})]), turn("Done.")),
                                session=f"r{i}")
            waits = self.shown()
            words = [chance.choice(["approve", "deny"]) for _ in range(3)]
            racing = [self.popen("approvals", word, waits) for word in words]
            time.sleep(chance.random() * 0.2)
            racing[0].kill()
            codes = [each.wait(TIMEOUT) for each in racing]
            for each in racing:
                for stream in (each.stdin, each.stdout, each.stderr):
                    stream.close()
            self.assertTrue(set(codes[1:]) <= {0, 3}, codes)
            self.assertLessEqual(codes[1:].count(0), 1, codes)
            if process.poll() is None and 0 not in codes[1:]:
                subprocess.run([self.program, "approvals", "approve", waits], env=self.environment(), check=False,
                               capture_output=True, timeout=TIMEOUT)
            self.ended(process)
            [row] = [row for row in self.rows("--all") if row["id"] == waits]
            self.assertEqual((self.workspace / path).exists(), row["state"] == "approved")
            for word, code in list(zip(words, codes))[1:]:
                if code == 0:
                    self.assertEqual(row["state"], {"approve": "approved", "deny": "denied"}[word])


if __name__ == "__main__":
    tap.main()

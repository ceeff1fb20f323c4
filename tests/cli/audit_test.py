"""tau audit: a run recorded, verified, shown, summed up; what is wrong is named, and what doctor says of it."""

import json
import shutil
import subprocess
import sys
import unittest
from pathlib import Path

from support import CliCase, scripted, tap, turn

VERIFIER = Path(__file__).resolve().parents[2] / "tools/audit_verify.py"


class Audit(CliCase):
    def setUp(self):
        super().setUp()
        self.log = self.home / "audit"

    def run_once(self, *more, code=0):
        self.tau("run", "Write it.", "--allow", "write", *scripted(
            turn(calls=[("write", {"path": "a.txt", "content": "x"})]), turn("Done.")), *more, code=code)

    def flip(self, at=-40):
        file = next(self.log.glob("audit-*.jsonl"))
        data = bytearray(file.read_bytes())
        data[at] ^= 1
        file.write_bytes(data)
        return file.name, data[:at].count(b"\n") + 1

    def doctor(self, code=0):
        out, _ = self.tau("doctor", "--json", code=code)
        return [finding for finding in json.loads(out)["findings"] if finding["check"] == "audit"]

    def test_a_run_is_recorded_and_shown(self):
        self.tau("audit", "verify", code=3)
        self.assertEqual(self.doctor()[0]["message"], "there is no record yet")
        self.run_once()
        out, _ = self.tau("audit", "verify")
        self.assertIn("nothing is wrong", out)
        self.assertIn("not signed", out)
        self.assertTrue(json.loads(self.tau("audit", "verify", "--json", str(self.log))[0])["ok"])
        done = subprocess.run([sys.executable, VERIFIER, self.log], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout)
        out, _ = self.tau("audit", "tail", "-n", "100")
        self.assertRegex(out, r"Z  tool\.decided .*tool=write.*decision=allow")
        self.assertNotIn("a.txt", out)
        records = [json.loads(line) for line in self.tau("audit", "tail", "--json", "-n", "3")[0].splitlines()]
        self.assertEqual([len(records), records[-1]["kind"]], [3, "run.ended"])
        out, _ = self.tau("audit", "summary")
        self.assertRegex(out, r"write +calls 1, allowed 1")
        sums = json.loads(self.tau("audit", "summary", "--json", str(self.home))[0])
        self.assertEqual(sums["tools"]["write"]["calls"], 1)
        self.assertIn("not signed", self.doctor()[0]["message"])

    def test_a_changed_byte_is_named_with_its_line(self):
        self.run_once()
        name, line = self.flip()
        out, err = self.tau("audit", "verify", code=1)
        self.assertIn(f"{name}:{line}: ", err)
        self.assertNotIn("nothing is wrong", out)
        report = json.loads(self.tau("audit", "verify", "--json", code=1)[0])
        self.assertEqual((report["ok"], report["file"], report["line"]), (False, name, line))
        found = self.doctor(code=1)[0]
        self.assertEqual(found["level"], "problem")
        self.assertIn(f"{name}:{line}: ", found["message"])
        self.tau("verify", code=1)
        self.run_once()  # who does not require it goes on
        out, err = self.tau("run", "Write.", "--allow", "write", "--set", "audit.required=true", *scripted(
            turn(calls=[("write", {"path": "b.txt", "content": "x"})]), turn("Done.")))
        self.assertFalse((self.workspace / "b.txt").exists())
        # As doctor says: away with it, and begin anew.
        self.assertIn("audit.replace_lost", found["fix"])
        self.log.rename(self.folder / "evidence")
        self.assertIn("records_missing", self.doctor(code=1)[0]["message"])
        self.run_once("--set", "audit.replace_lost=true")
        self.tau("audit", "verify")
        self.assertEqual(self.doctor()[0]["level"], "ok")

    def test_a_head_that_was_kept_finds_what_was_put_back(self):
        self.run_once()
        self.tau("audit", "head", "-o", str(self.folder / "head"))
        self.tau("audit", "head", "-o", str(self.folder / "head"), code=3)
        older = shutil.copytree(self.log, self.folder / "older")
        self.tau("audit", "verify", "--head", str(self.folder / "head"))
        self.run_once()
        self.tau("audit", "verify", "--head", str(self.folder / "head"))
        newer = self.folder / "newer"
        newer.write_text(self.tau("audit", "head")[0])
        _, err = self.tau("audit", "verify", str(older), "--head", str(newer), code=1)
        self.assertIn("head_replayed", err)

    def test_a_vault_signs_it(self):
        self.tau("vault", "init", "--key-file", str(self.folder / "key"))
        toml = self.home / "tau.toml"
        toml.write_text(f'[vault]\nkey_file = "{self.folder}/key"\n')
        toml.chmod(0o600)
        self.run_once()
        about = json.loads(self.tau("audit", "verify", "--json")[0])
        self.assertEqual(about["signature"], "checked")
        self.tau("audit", "verify", str(self.log), "--public-key", about["key"])
        self.tau("audit", "verify", "--public-key", "00" * 31 + "0", code=3)
        self.assertIn("signed with the key " + about["key"], self.doctor()[0]["message"])
        out, _ = self.tau("vault", "list", "--json")
        self.assertIn("audit/signing-key", out)
        self.assertIn("unpinned", json.loads(self.tau("audit", "verify", "--json", str(self.log))[0])["signature"])

    def test_tail_follows(self):
        self.run_once()
        with self.popen("audit", "tail", "-f", "-n", "1", "--json") as tail:
            self.assertEqual(json.loads(tail.stdout.readline())["kind"], "run.ended")
            self.run_once()
            kinds = [json.loads(tail.stdout.readline())["kind"] for _ in range(6)]
            tail.terminate()
        self.assertIn("tool.decided", kinds)

    def test_logs_of_others_are_summed_up(self):
        file = self.folder / "tau.jsonl"
        file.write_text('{"event":"tool_execution_end","tool_name":"bash","success":true,"duration_ms":5}\n{broken\n')
        out, _ = self.tau("audit", "summary", str(file))
        self.assertIn("1 malformed", out)
        self.assertIn("line 2 is no record", out)
        self.assertEqual(json.loads(self.tau("audit", "summary", "-", "--json", stdin=file.read_text())[0])["malformed"], 1)
        self.tau("audit", "summary", str(self.folder / "none"), code=3)
        self.tau("audit", "tail", "-n", "x", code=2)

    def test_a_backup_has_a_log_that_verifies(self):
        self.run_once()
        backup = self.folder / "backup"
        self.tau("backup", str(backup))
        self.tau("verify", str(backup))
        self.tau("audit", "verify", str(backup))
        self.tau("restore", str(backup), "--replace")
        self.tau("audit", "verify")
        self.run_once()
        self.tau("audit", "verify")

    def test_it_can_be_switched_off(self):
        self.run_once("--set", "audit.enabled=false")
        self.assertFalse(self.log.exists())
        self.run_once("--no-store")
        self.assertFalse(self.log.exists())


if __name__ == "__main__":
    tap.main()

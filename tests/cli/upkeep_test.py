"""tau backup, restore, verify, prune: the home as a whole, from the command line."""

import json
import os
import sqlite3
import stat
import subprocess

from support import PROGRAM, CliCase, scripted, tap, turn


class Upkeep(CliCase):
    def setUp(self):
        super().setUp()
        self.tau("run", "What is kept?", "-s", "one", *scripted(turn("Everything.")))
        self.backup = self.folder / "backup"

    def age(self, session, days):
        """As if the session had changed last so many days ago."""
        database = sqlite3.connect(self.home / "tau.db")
        database.execute("UPDATE sessions SET updated_ms = updated_ms - ? WHERE id = ?", (days * 86_400_000, session))
        database.commit()
        database.close()

    def ids(self):
        return self.tau("sessions", "list", "--ids")[0].split()

    def damage(self, home):
        database = sqlite3.connect(home / "tau.db")
        database.execute("UPDATE journal SET body = 'forged' WHERE seq = 0")
        database.commit()
        database.close()

    def test_a_backup_comes_back_on_another_machine(self):
        (self.home / "tau.toml").write_text('system = "kept"\n')
        out, _ = self.tau("backup", str(self.backup))
        self.assertIn("1 session, 1 run", out)
        self.assertEqual(stat.S_IMODE(self.backup.stat().st_mode), 0o700)
        self.assertEqual(sorted(os.listdir(self.backup)), ["audit", "backup.json", "tau.db", "tau.toml"])
        other = self.folder / "other"
        self.tau("restore", str(self.backup), "--home", str(other))
        shown, _ = self.tau("sessions", "show", "one", "--home", str(other))
        self.assertIn("Everything.", shown)
        self.assertEqual((other / "tau.toml").read_text(), 'system = "kept"\n')
        self.tau("run", "And now?", "-s", "one", "--home", str(other), *scripted(turn("a"), turn("More.")))

    def test_a_backup_is_not_written_over_anything(self):
        self.backup.mkdir()
        self.assertIn("file_exists", self.tau("backup", str(self.backup), code=3)[1])
        self.assertEqual(os.listdir(self.backup), [])

    def test_a_backup_that_was_cut_off_is_begun_anew(self):
        partial = self.folder / "backup.partial"
        partial.mkdir(mode=0o700)
        (partial / "tau.db").write_text("half")
        self.tau("backup", str(self.backup))
        self.tau("verify", str(self.backup))
        self.assertFalse(partial.exists())

    def test_restore_replaces_only_when_told_and_keeps_what_was_there(self):
        self.tau("backup", str(self.backup))
        self.tau("run", "Later.", "-s", "two", *scripted(turn("x")))
        _, err = self.tau("restore", str(self.backup), code=3)
        self.assertIn("home_not_empty", err)
        self.assertIn("--replace", err)
        self.assertEqual(sorted(self.ids()), ["one", "two"])
        report = json.loads(self.tau("restore", str(self.backup), "--replace", "--json")[0])
        self.assertEqual(self.ids(), ["one"])
        self.assertEqual(sorted(self.tau("sessions", "list", "--ids", "--home", report["replaced"])[0].split()),
                         ["one", "two"])

    def test_a_home_in_use_is_not_replaced(self):
        self.tau("backup", str(self.backup))
        with self.popen("run", "--stdio", *scripted(turn("x"))) as other:
            other.stdin.write('{"op":"run","prompt":"hello","session":"other"}\n')
            other.stdin.flush()
            while '"run_done"' not in other.stdout.readline():
                pass
            _, err = self.tau("restore", str(self.backup), "--replace", code=7)
            self.assertIn("home_busy", err)
            other.stdin.close()
        self.assertFalse([name for name in os.listdir(self.home) if name.startswith("replaced")])
        self.assertIn("other", self.ids())

    def test_damage_is_found_and_a_damaged_backup_refused(self):
        self.assertIn("nothing is wrong", self.tau("verify")[0])
        self.tau("backup", str(self.backup))
        self.damage(self.backup)
        out, err = self.tau("verify", str(self.backup), code=1)
        self.assertIn("chain_broken: run", out)
        self.assertIn("home_damaged", err)
        report = json.loads(self.tau("verify", str(self.backup), "--json", code=1)[0])
        self.assertFalse(report["sound"])
        self.assertEqual([problem["reason"] for problem in report["problems"]], ["chain_broken"])
        self.assertIn("backup_damaged", self.tau("restore", str(self.backup), "--replace", code=1)[1])
        self.damage(self.home)
        self.assertIn("home_damaged", self.tau("backup", str(self.folder / "another"), code=1)[1])
        self.assertFalse((self.folder / "another").exists())

    def test_what_is_no_backup_is_said_to_be_none(self):
        self.assertIn("no_backup", self.tau("restore", str(self.workspace), "--replace", code=3)[1])
        self.assertIn("no_such_database", self.tau("verify", str(self.workspace), code=3)[1])
        self.assertEqual(self.ids(), ["one"])

    def test_a_restore_needs_no_readable_configuration(self):
        self.tau("backup", str(self.backup))
        (self.home / "tau.toml").write_text("this is no TOML")
        self.tau("restore", str(self.backup), "--replace")

    def test_prune_by_age(self):
        self.tau("run", "New.", "-s", "new", *scripted(turn("x")))
        self.age("one", 40)
        out, _ = self.tau("prune", "--older-than", "30d", "--dry-run")
        self.assertIn("one\n1 session would go", out)
        self.assertEqual(sorted(self.ids()), ["new", "one"])
        self.tau("prune", "--older-than", "4w")
        self.assertEqual(self.ids(), ["new"])
        self.assertNotIn(b"What is kept?", (self.home / "tau.db").read_bytes())

    def test_prune_by_size(self):
        for name in ("two", "three"):
            self.tau("run", name, "-s", name, *scripted(turn(name * 20_000)))
        self.age("one", 2)
        self.age("two", 1)
        now = json.loads(self.tau("prune", "--max-size", "1T", "--json")[0])["bytes_before"]
        cap = now - 50_000  # more than the first session frees, less than the second
        report = json.loads(self.tau("prune", "--max-size", str(cap), "--json")[0])
        self.assertEqual(report["removed"], ["one", "two"])
        self.assertLessEqual(report["bytes_after"], cap)

    def test_prune_asks_for_a_limit(self):
        _, err = self.tau("prune", code=3)
        self.assertIn("no_limit", err)
        for option, value in (("--older-than", "soon"), ("--older-than", "0"), ("--max-size", "-1"),
                              ("--max-size", "1.5X"), ("--max-size", "99999999999999T")):
            self.assertIn(option, self.tau("prune", option, value, code=2)[1])

    def test_a_home_that_cannot_be_written_can_be_read(self):
        run = json.loads(self.tau("sessions", "export", "one")[0])["messages"][0]["run"]
        before = {path.name: path.stat().st_mtime_ns for path in self.home.iterdir()}
        small = "ulimit -f 0; trap '' XFSZ; exec \"$@\""  # as a full disk: nothing can be written to a file
        for words in (["sessions", "list"], ["sessions", "show", "one"], ["sessions", "export", "one"], ["config", "show"],
                      ["replay", run], ["verify"], ["doctor"]):
            done = subprocess.run(["sh", "-c", small, "sh", self.program, *words], cwd=self.workspace,
                                  env=self.environment(), capture_output=True, timeout=60, check=False)
            self.assertEqual(done.returncode, 0, (words, done.stdout, done.stderr))
        self.assertEqual({path.name: path.stat().st_mtime_ns for path in self.home.iterdir()}, before)
        done = subprocess.run(["sh", "-c", small, "sh", self.program, "run", "more", "-s", "one", *scripted(turn("x"))],
                              cwd=self.workspace, env=self.environment(), capture_output=True, timeout=60, check=False)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn(b"disk_full", done.stderr)

    def test_looking_makes_no_home(self):
        for words in (["sessions", "list"], ["config", "show"]):
            self.tau(*words, "--home", str(self.folder / "none"))
        self.assertFalse((self.folder / "none").exists())

    def test_the_configuration_keeps_a_retention(self):
        self.age("one", 40)
        (self.home / "tau.toml").write_text("[retention]\nmax_age_days = 30\n")
        self.assertIn("1 session removed", self.tau("prune")[0])


class Doctor(CliCase):
    def findings(self, *arguments, code=0, env=None):
        report = json.loads(self.tau("doctor", "--json", *arguments, code=code, env=env)[0])
        levels = [finding["level"] for finding in report["findings"]]
        self.assertEqual(report["problems"], levels.count("problem"))
        self.assertEqual(report["warnings"], levels.count("warning"))
        for finding in report["findings"]:
            self.assertEqual("fix" in finding, finding["level"] != "ok", finding)
        return {finding["check"]: finding for finding in report["findings"]}

    def broken(self, name, *arguments, env=None):
        found = self.findings(*arguments, code=1, env=env)[name]
        self.assertEqual(found["level"], "problem")
        return found

    def test_a_first_home(self):
        self.assertEqual(self.findings()["database"]["message"], "there is none yet")
        self.assertFalse((self.home / "tau.db").exists())
        self.assertIn("fix: ", self.tau("doctor")[0])

    def test_a_good_home(self):
        self.tau("run", "hello", *scripted(turn("x")))
        found = self.findings("--set", "model=scripted/demo", "--set", 'script={"turns":[]}')
        # What confines commands is the machine's.
        self.assertEqual({finding["level"] for check, finding in found.items() if check != "sandbox"}, {"ok"})
        self.assertRegex(found["sandbox"]["message"], "confined")

    def test_a_pipe_in_the_place_of_the_database(self):
        self.home.mkdir(mode=0o700)
        os.mkfifo(self.home / "tau.db", 0o600)
        self.assertIn("no regular file", self.broken("database")["message"])
        self.assertIn("not_a_file", self.tau("verify", code=3)[1])

    def test_a_file_in_the_place_of_the_home(self):
        self.home.write_text("")
        self.assertIn("not a directory", self.broken("home")["message"])

    def test_a_configuration_that_is_too_long(self):
        self.home.mkdir(mode=0o700)
        (self.home / "tau.toml").write_text("#" * (1 << 20) + "\n")
        self.assertIn("file_too_large", self.tau("config", "show", code=3)[1])

    def test_a_wrong_key_of_the_configuration(self):
        self.home.mkdir(mode=0o700)
        (self.home / "tau.toml").write_text("[limits]\nmax_turn = 3\n")
        self.assertIn("max_turn", self.broken("configuration")["message"])

    def test_a_provider_without_its_key(self):
        found = self.broken("model", "--set", "model=openai/gpt-5")
        self.assertIn("OPENAI_API_KEY", found["message"])
        self.assertIn("tau models", found["fix"])

    def test_a_damaged_database(self):
        self.tau("run", "hello", *scripted(turn("x")))
        (self.home / "tau.db").write_bytes(b"?" * 8192)
        for extra in ("tau.db-wal", "tau.db-shm"):
            (self.home / extra).unlink(missing_ok=True)
        self.assertIn("restore", self.broken("database")["fix"])

    def test_a_newer_database(self):
        self.tau("run", "hello", *scripted(turn("x")))
        database = sqlite3.connect(self.home / "tau.db")
        database.execute("PRAGMA user_version = 999")
        database.close()
        self.assertIn("newer", self.broken("database")["fix"])

    def test_files_that_others_can_read(self):
        self.tau("run", "hello", *scripted(turn("x")))
        (self.home / "tau.db").chmod(0o644)
        found = self.broken("permissions")
        self.assertEqual(found["fix"], f"chmod go= {self.home}/tau.db")
        subprocess.run(found["fix"], shell=True, check=True)
        self.findings()

    def test_a_run_that_was_cut_off(self):
        (self.workspace / "f").write_text("x")
        with self.popen("run", "wait", "-s", "cut", *scripted(turn("x", delay_ms=60_000))) as running:
            while not (self.home / "tau.db").exists() or "cut" not in self.tau("sessions", "list", "--ids")[0]:
                pass
            running.kill()
        self.assertEqual(self.findings()["sessions"]["fix"], "tau run --resume --session cut   (or --abandon)")

    def test_a_missing_helper(self):
        found = self.broken("tools", env={"TAU_EXEC_HELPER": "/nonexistent"})
        self.assertIn("TAU_EXEC_HELPER", found["fix"])


class Models(CliCase):
    def test_which_keys_are_set(self):
        name = "OPENAI" + "_API_KEY"
        report = json.loads(self.tau("models", "--json", env={name: "k" * 8})[0])
        self.assertEqual(report["model"].split("/")[0], "openai")
        ready = {provider["name"]: provider["ready"] for provider in report["providers"]}
        self.assertTrue(ready["openai"] and ready["ollama"])
        self.assertFalse(ready["anthropic"])
        out, _ = self.tau("models", env={name: "k" * 8})
        self.assertIn(name + " is set", out)
        self.assertNotIn("kkkk", out)

    def test_configured_providers_are_listed(self):
        out, _ = self.tau("models", "--set", "providers.mine.base_url=http://127.0.0.1:9/v1")
        self.assertRegex(out, r"(?m)^mine +name one +no key needed$")


if __name__ == "__main__":
    tap.main()

"""tau sessions, replay, init, config, version and help."""

import json
import os
import stat
from pathlib import Path

from support import MODEL, PROGRAM, CliCase, scripted, tap, turn

ROOT = Path(__file__).resolve().parents[2]


def leaves(schema, path):
    """(key, description) of every value that a configuration may hold; NAME stands for a name of one's own."""
    for name, value in schema.get("properties", {}).items():
        named = value.get("additionalProperties")
        if name == "profiles":
            yield "profiles.NAME", value["description"]
        elif "properties" in value:
            yield from leaves(value, f"{path}{name}.")
        elif isinstance(named, dict) and "properties" in named:
            yield from leaves(named, f"{path}{name}.NAME.")
        else:
            yield path + name, value["description"]


class Sessions(CliCase):
    def setUp(self):
        super().setUp()
        (self.workspace / "note.txt").write_text("the note")
        read = ("read", {"path": "note.txt"})
        self.tau("run", "first question", "-s", "one", *scripted(turn("I look.", [read]), turn("Answer")))

    def export(self, name):
        return json.loads(self.tau("sessions", "export", name)[0])

    def test_list(self):
        self.tau("run", "second question", "-s", "two", *scripted(turn("x")))
        lines = self.tau("sessions", "list")[0].splitlines()
        self.assertEqual([line.split()[0] for line in lines], ["ID", "two", "one"])
        self.assertIn("first question", lines[2])
        out, err = self.tau("session", "list", "--limit", "1")
        self.assertEqual(len(out.splitlines()), 2)
        self.assertIn("the newest 1; --limit", err)
        self.assertTrue(json.loads(self.tau("session", "list", "--limit", "1", "--json")[0])["more"])

    def test_empty_list(self):
        out, err = self.tau("sessions", "list", "--home", str(self.folder / "other"))
        self.assertEqual((out, err), ("", "no sessions yet\n"))

    def test_show(self):
        out, _ = self.tau("sessions", "show", "one")
        for part in ("first question", "I look.", "read", "\n= the note", "Answer", "run run_"):
            self.assertIn(part, out)
        self.assertEqual(json.loads(self.tau("sessions", "show", "one", "--json")[0])["id"], "one")

    def test_fork_at_an_entry_shares_the_messages_before_it(self):
        messages = self.export("one")["messages"]
        fork, _ = self.tau("sessions", "fork", "one", "--at", messages[0]["entry"], "--as", "branch")
        self.assertEqual(fork, "branch\n")
        self.assertEqual(self.export("branch")["messages"], messages[:1])
        self.assertIn("no_such_entry", self.tau("sessions", "fork", "one", "--at", "absent", code=3)[1])
        self.assertIn("session_exists", self.tau("sessions", "fork", "one", "--as", "branch", code=3)[1])

    def test_rm(self):
        self.tau("sessions", "rm", "one")
        self.assertEqual(self.sessions(), [])
        self.assertIn("no_such_session", self.tau("sessions", "rm", "one", code=3)[1])

    def test_replay_is_identical(self):
        run = self.export("one")["messages"][0]["run"]
        self.assertIn("identical", self.tau("replay", run)[0])
        self.assertTrue(json.loads(self.tau("replay", run, "--json")[0])["identical"])
        self.assertIn("no_such_run", self.tau("replay", "run_absent", code=3)[1])


class Home(CliCase):
    def test_init_writes_once_and_privately(self):
        out, _ = self.tau("init")
        self.assertIn("model: offline/offline, because ", out)
        path = self.home / "tau.toml"
        self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600)
        self.assertEqual(stat.S_IMODE(self.home.stat().st_mode), 0o700)
        path.write_text('model = "offline/offline"\n')
        self.assertIn("left as it is", self.tau("init")[0])
        self.assertEqual(path.read_text(), 'model = "offline/offline"\n')

    def test_every_line_of_the_first_configuration_can_be_uncommented(self):
        self.tau("init")
        path = self.home / "tau.toml"
        lines = [line[2:] for line in path.read_text().splitlines()
                 if line.startswith("# [") or (line.startswith("# ") and " = " in line)]
        self.assertGreater(len(lines), 12)
        path.write_text("\n".join(lines) + "\n")
        shown = json.loads(self.tau("config", "show", "--json")[0])
        self.assertEqual(shown["config"]["values"]["policy.deny"]["value"], ["bash"])

    def test_config_show_tells_origins(self):
        self.home.mkdir(mode=0o700)
        (self.home / "tau.toml").write_text("[limits]\nmax_turns = 7\n")
        out, _ = self.tau("config", "show", "--set", "limits.max_tokens=9", env={"TAU_MODEL": MODEL})
        lines = {line.split()[0]: line for line in out.splitlines() if line}
        self.assertRegex(lines["limits.max_turns"], r"\b7\b.*user .*tau\.toml")
        self.assertRegex(lines["limits.max_tokens"], r"\b9\b.*option")
        self.assertRegex(lines["model"], r"environment")
        self.assertRegex(lines["limits.max_parallel_tools"], r"\b8\b.*default")

    def test_every_key_is_documented(self):
        page = (ROOT / "docs" / "configuration.md").read_text()
        keys = list(leaves(json.loads((ROOT / "docs" / "schema" / "config.json").read_text()), ""))
        self.assertGreater(len(keys), 40)
        for key, description in keys:
            row = [line for line in page.splitlines() if line.startswith(f"| `{key}` |")]
            self.assertEqual([line.split(" | ")[-1] for line in row], [description + " |"], key)

    def test_config_show_hides_secrets(self):
        secret = "hidden-" + "word" * 5
        out, err = self.tau("config", "show", "--set", f"providers.openai.api_key={secret}")
        self.assertNotIn(secret, out + err)


class Program(CliCase):
    def test_version_opens_nothing(self):
        for arguments in (["version"], ["--version"]):
            self.assertRegex(self.tau(*arguments)[0], r"^tau \d+\.\d+\.\d+ \(libtau \d+\.\d+\.\d+, ABI \d+\.\d+\)\n$")
        self.assertFalse(self.home.exists())

    def test_every_command_has_help(self):
        commands = [["run"], ["chat"], ["replay"], ["init"], ["config"], ["config", "show"], ["version"], ["sessions"],
                    *(["sessions", name] for name in ("list", "show", "export", "fork", "rm", "resume"))]
        for command in commands:
            with self.subTest(command=command):
                self.assertIn("Usage: tau " + " ".join(command), self.tau(*command, "--help")[0])
                self.assertEqual(self.tau(*command, "--help"), self.tau("help", *command))
        self.assertFalse(self.home.exists())

    def test_help_lists_exit_codes_and_environment(self):
        out, _ = self.tau("--help")
        for part in ("130", "TAU_HOME", "NO_COLOR", "OPENAI_API_KEY", "TAU_MODEL"):
            self.assertIn(part, out)

    def test_exit_codes_are_documented(self):
        page = (ROOT / "docs" / "cli.md").read_text()
        rows = self.tau("--help")[0].split("Exit codes:\n")[1].split("\n\n")[0].splitlines()
        self.assertGreater(len(rows), 8)
        for row in rows:
            code, meaning = row.split(None, 1)
            self.assertIn(f"| {code} | {meaning} |", page)

    def test_unknown_command_suggests_the_nearest(self):
        for word, meant in (("rnu", "run"), ("sesions", "sessions"), ("chta", "chat")):
            self.assertIn(f"did you mean '{meant}'?", self.tau(word, code=2)[1])
        self.assertIn("did you mean 'export'?", self.tau("sessions", "exprot", code=2)[1])

    def test_env_example_is_what_the_program_prints(self):
        self.assertEqual(self.tau("--print-env-example")[0], (ROOT / ".env.example").read_text())

    def test_the_program_links_the_library_and_no_other_part(self):
        self.assertTrue(os.access(PROGRAM, os.X_OK))
        shared = b"libtau.so.0" in Path(PROGRAM).read_bytes()
        self.assertEqual(shared, os.environ["TAU_LINKED"] == "shared")  # an archive shows the API, and no other part


if __name__ == "__main__":
    tap.main()

"""tools/quickstart over this build: its verdict follows what really travelled."""

import stat
import unittest

from support import BUILD, ROOT, EndToEnd, tap

QUICKSTART = ROOT / "tools" / "quickstart"


class Quickstart(EndToEnd):
    def fake_build(self, script):
        program = self.folder / "build" / "examples" / "cli" / "tau"
        program.parent.mkdir(parents=True)
        program.write_text("#!/bin/sh\n" + script)
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        return self.folder / "build"

    def test_a_turn_with_a_tool_call_over_http(self):
        out, _ = self.run_command([QUICKSTART, "--build", BUILD])
        self.assertIn("It says: the harbour opens at dawn", out)
        self.assertIn("It works", out)
        self.assertIn("export OPENAI_API_KEY=", out)

    def test_settings_of_the_user_do_not_matter(self):
        self.run_command([QUICKSTART, "--build", BUILD], TAU_PROFILE="absent", TAU_MODEL="absent/absent")

    def test_an_answer_without_the_model_server_fails(self):
        """A program that knows the file but asked no model."""
        build = self.fake_build('[ "$1" = run ] && cat note.txt || echo "What does note.txt say?"\n')
        _, err = self.run_command([QUICKSTART, "--build", build], code=1)
        self.assertIn("expected two streamed model calls", err)

    def test_a_wrong_answer_fails(self):
        _, err = self.run_command([QUICKSTART, "--build", self.fake_build("echo something else\n")], code=1)
        self.assertIn("does not hold what the file says", err)

    def test_a_failing_program_fails(self):
        _, err = self.run_command([QUICKSTART, "--build", self.fake_build("exit 6\n")], code=1)
        self.assertIn("tau run ended with 6", err)

    def test_a_folder_without_the_program(self):
        _, err = self.run_command([QUICKSTART, "--build", self.folder], code=1)
        self.assertIn("examples/cli/tau is not there", err)

    def test_wrong_arguments(self):
        for arguments in (["--nope"], ["--build"], ["--build", "a", "b"]):
            with self.subTest(arguments=arguments):
                self.run_command([QUICKSTART, *arguments], code=2)


if __name__ == "__main__":
    tap.main()

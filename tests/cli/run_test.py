"""tau run: answers, tools, approvals, limits, exit codes."""

import json
import os
import signal
import subprocess
import unittest

from support import MODEL, PROGRAM, CliCase, scripted, tap, turn

READ = ("read", {"path": "note.txt"})
WRITE = ("write", {"path": "made.txt", "content": "made"})


class Answers(CliCase):
    def test_answer_goes_to_stdout_and_tools_to_stderr(self):
        (self.workspace / "note.txt").write_text("the note")
        out, err = self.tau("run", "hi", *scripted(turn(["I ", "look."], [READ]), turn(["It says: ", "x"])))
        self.assertEqual(out, "I look.\nIt says: x\n")
        self.assertIn('read {"path":"note.txt"}', err)
        self.assertNotIn("\033", out + err)

    def test_tool_result_reaches_the_model_over_http(self):
        (self.workspace / "note.txt").write_text("harbour at dawn")
        model = self.serve(turn(["I ", "look. "], [READ]), turn(["It says ${TOOL_RESULT}"]))
        out, _ = self.tau("run", "what does it say?", *model)
        self.assertIn("harbour at dawn", out)
        first, second = self.requests()
        self.assertTrue(first["stream"])
        self.assertNotIn("harbour", json.dumps(first))
        self.assertIn("harbour", json.dumps(second))

    def test_a_run_in_every_dialect(self):
        (self.workspace / "note.txt").write_text("harbour at dawn")
        for dialect, results in (("openai_chat", "role"), ("openai_responses", "function_call_output"),
                                 ("anthropic_messages", "tool_result"), ("gemini", "functionResponse")):
            with self.subTest(dialect=dialect):
                (self.folder / "requests.jsonl").unlink(missing_ok=True)
                model = self.serve(turn(["I ", "look. "], [READ, READ], thinking=["h", "m"]),
                                   turn(["It says ${TOOL_RESULT}"]), dialect=dialect)
                out, _ = self.tau("run", "what does it say?", *model)
                self.assertIn("harbour at dawn", out)
                first, second = self.requests()
                self.assertNotIn("harbour", json.dumps(first))
                self.assertIn(results, json.dumps(second))

    def test_prompt_comes_from_stdin(self):
        for arguments in (["-"], []):
            with self.subTest(arguments=arguments):
                (self.folder / "requests.jsonl").unlink(missing_ok=True)
                self.tau("run", *arguments, *self.serve(turn("ok")), stdin="from a pipe\n")
                self.assertEqual(self.requests()[0]["messages"][-1]["content"], "from a pipe")

    def test_text_streams_before_the_run_ends(self):
        process = self.popen("run", "hi", *scripted(turn(["first\n", "second"], hang=True)))
        self.assertEqual(process.stdout.readline(), "first\n")
        self.assertIsNone(process.poll())
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
        self.assertEqual(process.returncode, 130)
        self.assertIn("tau: cancelled", err)

    def test_a_second_interrupt_ends_at_once(self):
        process = self.popen("run", "hi", "--json", *scripted(turn(["x"], hang=True)))
        process.stdout.readline()
        os.kill(process.pid, signal.SIGINT)
        os.kill(process.pid, signal.SIGTERM)
        process.communicate(timeout=30)
        self.assertEqual(process.returncode, 130)

    def test_a_reader_that_goes_away_cancels_the_run(self):
        process = self.popen("run", "hi", *scripted(turn(["line\n"] * 2000, delay_ms=10)))
        process.stdout.readline()
        process.stdout.close()
        self.assertEqual(process.wait(30), 130)
        process.stdin.close()
        process.stderr.close()

    def test_quiet_prints_the_final_answer_alone(self):
        (self.workspace / "note.txt").write_text("x")
        out, err = self.tau("run", "-q", "hi", *scripted(turn("I look.", [READ]), turn("Answer")))
        self.assertEqual((out, err), ("Answer\n", ""))

    def test_json_is_one_event_a_line(self):
        events = self.events("hi", *scripted(turn(["a", "b"])))
        self.assertEqual(events[0]["event"], "run_started")
        self.assertEqual("".join(e["text"] for e in events if e["event"] == "text"), "ab")
        self.assertEqual(events[-1]["outcome"]["status"], "done")

    def test_schema_prints_the_value(self):
        schema = self.folder / "schema.json"
        schema.write_text('{"type":"object","properties":{"n":{"type":"integer"}},"required":["n"]}')
        out, _ = self.tau("run", "hi", "--schema", str(schema), *scripted(turn('{"n": 7}')))
        self.assertEqual(json.loads(out), {"n": 7})

    def test_no_store_writes_nothing(self):
        self.tau("run", "hi", "--no-store", *scripted(turn("ok")))
        self.assertFalse(self.home.exists())

    def test_session_goes_on(self):
        for number in (1, 2):
            self.tau("run", f"question {number}", "-s", "trip", *self.serve(turn("ok")))
        self.assertEqual([m["content"] for m in self.requests()[1]["messages"] if m["role"] == "user"],
                         ["question 1", "question 2"])

    def test_system_and_tools_reach_the_model(self):
        self.tau("run", "hi", "--system", "Be brief.", "--tools", "read,grep", *self.serve(turn("ok")))
        request = self.requests()[0]
        self.assertIn("Be brief.", json.dumps(request["messages"][0]))
        self.assertEqual(sorted(tool["function"]["name"] for tool in request["tools"]), ["grep", "read"])
        self.tau("run", "hi", "--no-tools", *self.serve(turn("ok")))
        self.assertNotIn("tools", self.requests()[1])


class Approvals(CliCase):
    TURNS = scripted(turn("I write.", [WRITE]), turn("Done."))

    def test_without_terminal_a_write_is_denied_with_a_hint(self):
        _, err = self.tau("run", "hi", *self.TURNS, code=4)
        self.assertIn("approval_missing", err)
        self.assertIn("--allow write", err)
        self.assertFalse((self.workspace / "made.txt").exists())

    def test_allow(self):
        self.tau("run", "hi", "--allow", "write", *self.TURNS)
        self.assertEqual((self.workspace / "made.txt").read_text(), "made")

    def test_deny_wins_without_asking(self):
        events = self.events("hi", "--allow", "write", "--deny", "write", *self.TURNS)
        self.assertFalse((self.workspace / "made.txt").exists())
        self.assertEqual([e for e in events if e["event"] == "approval"], [])

    def test_bash_needs_allow(self):
        turns = scripted(turn("", [("bash", {"command": "echo from-the-shell"})]), turn("Done."))
        self.tau("run", "hi", *turns, code=4)
        events = self.events("hi", "--allow", "bash", *turns)
        self.assertIn("from-the-shell", [e for e in events if e["event"] == "tool_result"][0]["content"])


class MissingHelper(CliCase):
    TURN = scripted(turn("x"))
    ALONE = {"TAU_EXEC_HELPER": ""}
    WARNING = "tau: warning: the tool bash is not offered: processes need the helper program tau-exec"

    def test_the_tool_that_needs_it_is_named_once(self):
        self.assertNotIn("warning", self.tau("run", "hi", *self.TURN)[1])
        self.leave_helper()
        out, err = self.tau("run", "hi", *self.TURN, env=self.ALONE)
        self.assertEqual((out, err.count(self.WARNING), err.count("warning")), ("x\n", 1, 1), err)

    def test_programs_and_whoever_does_not_want_it_are_spared(self):
        self.leave_helper()
        for options in ["--json"], ["--quiet"], ["--tools", "read"], ["--no-tools"]:
            with self.subTest(options):
                _, err = self.tau("run", "hi", *options, *self.TURN, env=self.ALONE)
                self.assertNotIn("warning", err)


class ExitCodes(CliCase):
    def test_failed_run(self):
        _, err = self.tau("run", "hi", *scripted(turn(error={"code": "internal", "reason": "odd", "message": "why"})),
                          code=1)
        self.assertEqual(err, "tau: odd: why\n")

    def test_usage(self):
        for arguments in (["run", "a", "b"], ["run", "--nope"], ["run", "x", "--max-turns", "many"], ["frobnicate"],
                          ["run", "x", "--timeout", "0"], ["run", "x", "--set", "novalue"], [], ["sessions"],
                          ["run", "--stdio", "--schema", "f"], ["run", "--stdio", "--json"], ["run", "--stdio", "--resume"],
                          ["run", "x", "--resume", "-s", "a"], ["run", "--resume"], ["run", "x", "-q", "--json"]):
            with self.subTest(arguments=arguments):
                _, err = self.tau(*arguments, code=2)
                self.assertTrue(err.startswith("tau: usage: "), err)

    def test_usage_says_what_was_meant(self):
        cases = {
            ("run", "x", "--modle", "a/b"): ("unknown option --modle", "did you mean --model?"),
            ("run", "x", "--modle=a/b"): ("unknown option --modle", "did you mean --model?"),
            ("run", "x", "-z"): ("unknown option -z", "see 'tau run --help'"),
            ("run", "a", "b", "c"): ("unexpected argument 'b'", "a prompt of several words stands in quotes"),
            ("sessions", "list", "more"): ("unexpected argument 'more'", "see 'tau sessions list --help'"),
            ("runn", "x"): ("unknown command 'runn'", "did you mean 'run'?"),
            ("help", "rnu"): ("unknown command 'rnu'", "did you mean 'run'?"),
        }
        for arguments, (message, hint) in cases.items():
            with self.subTest(arguments=arguments):
                _, err = self.tau(*arguments, code=2)
                self.assertEqual(err, f"tau: usage: {message}\nhint: {hint}\n")

    def test_a_misspelt_tool_is_neither_allowed_nor_denied(self):
        for command, option, name, hint in (("run", "--allow", "hammer", "tools are bash, edit, "),
                                            ("chat", "--deny", "bsah", "did you mean bash?")):
            with self.subTest(option=option):
                _, err = self.tau(command, option, name, *scripted(turn("x")), code=3)
                self.assertTrue(err.startswith(f"tau: unknown_tool: {option} {name}: there is no such tool\nhint: {hint}"),
                                err)

    def test_bad_configuration_names_file_and_key(self):
        self.home.mkdir(mode=0o700)
        (self.home / "tau.toml").write_text("[limits]\nmax_turn = 3\n")
        _, err = self.tau("run", "hi", *scripted(turn("x")), code=3)
        self.assertIn("tau: unknown_key: ", err)
        self.assertIn("tau.toml", err)
        self.assertIn("max_turns", err)

    def test_bad_input(self):
        cases = {
            "invalid_model_reference": ["run", "hi", "-m", "nosuch/x"],
            "unknown_tool": ["run", "hi", "-m", MODEL, "--tools", "hammer"],
            "unknown_profile": ["run", "hi", "-m", MODEL, "--profile", "absent"],
            "file_error": ["run", "hi", "-m", MODEL, "--schema", "absent.json"],
            "no_such_session": ["sessions", "show", "absent"],
            "invalid_session_id": ["run", "hi", *scripted(turn("x")), "-s", "no blanks"],
            "invalid_script": ["run", "hi", "-m", MODEL, "--set", 'script={"turns":3}'],
        }
        for reason, arguments in cases.items():
            with self.subTest(reason=reason):
                _, err = self.tau(*arguments, code=3)
                self.assertTrue(err.startswith(f"tau: {reason}: "), err)

    def test_a_schema_file_with_a_key_twice(self):
        (self.workspace / "s.json").write_text('{"properties":[{"a":1},{"b":2,"c":3,"b":4}]}')
        _, err = self.tau("run", "hi", "--schema", "s.json", *scripted(turn("x")), code=3)
        self.assertEqual(err, 'tau: duplicate_key: s.json: "b" occurs twice in one object\n')

    def test_input_that_is_no_utf8(self):
        _, err = self.tau("run", *scripted(turn("x")), stdin=b"caf\xe9", code=3)
        self.assertIn("invalid_utf8", err)

    def test_argument_that_is_no_utf8(self):
        _, err = self.tau("run", "hi", "--system", b"caf\xe9", code=3)
        self.assertEqual(err, "tau: invalid_utf8: argument 4 is no UTF-8: caf\ufffd\n")

    def test_output_that_cannot_be_written(self):
        for arguments in (["run", "hi", *scripted(turn(["a", "b"]))], ["sessions", "list", "--json"]):
            with self.subTest(arguments=arguments), open("/dev/full", "w") as full:
                done = subprocess.run([PROGRAM, *arguments], stdout=full, stderr=subprocess.PIPE, text=True, timeout=60,
                                      env=self.environment(), stdin=subprocess.DEVNULL, check=False)
                self.assertEqual(done.returncode, 1)
                self.assertIn("tau: output_failed: stdout: No space left on device\n", done.stderr)

    def test_streams_that_the_caller_closed(self):
        """None of them may become a descriptor of the library's."""
        ask = ["run", "hi", *self.serve(turn("a"), turn("b"), turn("c"), turn("d"))]
        cases = [(ask, "<&-", 0), (ask, ">&-", 1), (ask, "2>&-", 0), (ask, "<&- >&- 2>&-", 1), (["run"], "<&-", 2),
                 (["run", "--stdio"], "<&-", 0), (["chat"], "<&-", 0)]
        for arguments, closed, code in cases:
            with self.subTest(arguments=arguments[:2], closed=closed):
                done = subprocess.run(["bash", "-c", f'exec "$@" {closed}', "bash", PROGRAM, *arguments], timeout=30,
                                      env=self.environment(), capture_output=True, check=False)
                self.assertEqual(done.returncode, code, done)

    def test_limit(self):
        (self.workspace / "note.txt").write_text("x")
        _, err = self.tau("run", "hi", "--max-turns", "1", *scripted(turn("a", [READ]), turn("b")), code=5)
        self.assertIn("tau: max_turns: ", err)
        self.assertIn("hint: ", err)

    def test_timeout(self):
        _, err = self.tau("run", "hi", "--timeout", "0.2", *scripted(turn("a", hang=True)), code=5)
        self.assertIn("tau: max_wall_time: ", err)

    def test_provider_without_key(self):
        _, err = self.tau("run", "hi", "-m", "openai/gpt-5-mini", code=6)
        self.assertIn("OPENAI_API_KEY", err)

    def test_provider_that_fails(self):
        self.tau("run", "hi", "--set", "providers.local.retry.max_attempts=1",
                 *self.serve(turn(error={"status": 503, "message": "busy"})), code=6)

    def test_home_that_cannot_be_written(self):
        blocked = self.folder / "file"
        blocked.write_text("")
        _, err = self.tau("run", "hi", *scripted(turn("x")), env={"TAU_HOME": str(blocked / "home")}, code=3)
        self.assertIn(str(blocked), err)

    @unittest.skipIf(os.geteuid() == 0, "root may write everywhere")
    def test_read_only_home(self):
        self.home.mkdir(mode=0o500)
        _, err = self.tau("run", "hi", *scripted(turn("x")), code=3)
        self.assertIn(str(self.home), err)

    def test_busy_session(self):
        first = self.popen("run", "hi", "--json", "-s", "shared", *scripted(turn(["x"], hang=True)))
        while '"turn_started"' not in first.stdout.readline():
            pass
        _, err = self.tau("run", "hi", "-s", "shared", *scripted(turn("y")), code=7)
        self.assertIn("tau: session_busy: ", err)
        first.send_signal(signal.SIGINT)
        first.communicate(timeout=30)
        self.tau("run", "hi", "-s", "shared", *scripted(turn("y"), loop=True))


class CutOff(CliCase):
    def cut(self):
        """A run that was killed in its second turn: before its first write was done, it was durable."""
        turns = scripted(turn("I write.", [WRITE]), turn(["x"], hang=True))
        process = self.popen("run", "hi", "--json", "--allow", "write", "-s", "cut", *turns)
        while '"turn":2' not in process.stdout.readline():
            pass
        process.kill()
        process.communicate()

    def test_resume(self):
        self.cut()
        _, err = self.tau("run", "next", "-s", "cut", *scripted(turn("y"), loop=True), code=3)
        self.assertIn("tau: run_open: ", err)
        self.assertIn("(cut off)", self.tau("sessions", "list")[0])
        out, _ = self.tau("run", "--resume", "-s", "cut", *scripted(turn("resumed"), loop=True))
        self.assertEqual(out, "resumed\n")

    def test_it_goes_on_with_its_own_model(self):
        self.cut()
        (self.home / "tau.toml").write_text('model = "scripted/configured"\n')
        script = scripted(turn(["x"], hang=True), loop=True)[2:]
        for model, named in ((MODEL, []), ("scripted/named", ["-m", "scripted/named"])):
            process = self.popen("run", "--resume", "--json", "-s", "cut", *script, *named)
            self.assertEqual(json.loads(process.stdout.readline())["model"], model)
            process.kill()
            process.communicate()

    def test_abandon(self):
        self.cut()
        out, _ = self.tau("run", "next", "--abandon", "-s", "cut", *scripted(turn("fresh"), loop=True))
        self.assertEqual(out, "fresh\n")

    def test_abandon_without_a_prompt(self):
        self.cut()
        self.assertEqual(self.tau("run", "--abandon", "-s", "cut", *scripted(turn("never"), loop=True), stdin="")[0], "")
        self.assertNotIn("(cut off)", self.tau("sessions", "list")[0])

    def test_nothing_to_resume(self):
        _, err = self.tau("run", "--resume", "-s", "new", *scripted(turn("x")), code=3)
        self.assertIn("tau: no_open_run: ", err)


if __name__ == "__main__":
    tap.main()

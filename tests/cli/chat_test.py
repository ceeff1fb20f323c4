"""On a terminal: tau chat with its line editor, approvals that are asked, Ctrl-C."""

import fcntl
import os
import pty
import re
import select
import signal
import stat
import struct
import termios
import time

from support import TIMEOUT, CliCase, scripted, tap, turn

WRITE = ("write", {"path": "made.txt", "content": "made"})


class Terminal(CliCase):
    TERM = "xterm"
    SETTINGS = {}

    def start(self, *arguments):
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            os.chdir(self.workspace)
            os.execve(self.program, [self.program, *arguments], self.environment(TERM=self.TERM, **self.SETTINGS))
        self.addCleanup(os.close, self.terminal)
        self.addCleanup(self.reap)
        self.seen, self.status = "", None

    def reap(self):
        if self.status is None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)

    def expect(self, pattern):
        """Reads until the pattern has come; what was read before it is forgotten."""
        end = time.monotonic() + TIMEOUT
        while True:
            found = re.search(pattern, self.seen, re.DOTALL)
            if found:
                self.seen = self.seen[found.end():]
                return found.group(0)
            ready, _, _ = select.select([self.terminal], [], [], max(0, end - time.monotonic()))
            try:
                data = os.read(self.terminal, 65536) if ready else b""
            except OSError:  # the program is gone
                data = b""
            if not data:
                self.fail(f"{pattern!r} did not come; last was {self.seen[-600:]!r}")
            self.seen += data.decode(errors="replace")

    def type(self, keys):
        os.write(self.terminal, keys.encode())

    def line(self, keys):
        self.expect("> ")
        self.type(keys + "\r")

    def end(self, code=0):
        while True:
            try:
                if not os.read(self.terminal, 65536):
                    break
            except OSError:
                break
        _, status = os.waitpid(self.pid, 0)
        self.status = os.waitstatus_to_exitcode(status)
        self.assertEqual(self.status, code)


class Chat(Terminal):
    def test_two_turns_and_history(self):
        self.start("chat", *scripted(turn("first answer"), turn("second answer")))
        self.line("one")
        self.expect("first answer")
        self.line("\x1b[A")  # up: the same again
        self.expect("second answer")
        self.line("/export out.json")
        self.expect("written to")
        self.expect("> ")
        self.type("\x04")
        self.end()
        self.assertEqual((self.workspace / "out.json").read_text().count('"text":"one"'), 2)
        history = self.home / "history"
        self.assertEqual(stat.S_IMODE(history.stat().st_mode), 0o600)
        self.assertEqual(history.read_text(), '"one"\n"/export out.json"\n')

    def test_editing(self):
        self.start("chat", *scripted(turn("ok"), loop=True))
        # 'héllo' typed with an error in the middle: home, delete, right, backspace, end
        self.line("xhéallo!\x1b[H\x1b[3~\x1b[C\x1b[C\x1b[C\x7f\x1b[F\x7f")
        self.expect("ok")
        self.line("two \\")
        self.expect("… ")
        self.type("lines\r")
        self.expect("ok")
        self.line("gone\x15kept words\x17\x7f")
        self.expect("ok")
        self.line("/quit")
        self.end()
        self.assertEqual((self.home / "history").read_text(), '"héllo"\n"two \\nlines"\n"kept"\n"/quit"\n')

    def test_pasted_lines_are_one_request(self):
        self.start("chat", *scripted(turn("ok"), loop=True))
        self.expect("> ")
        self.type("\x1b[200~one\r\ntwo\x07\rthree\n\x1b[201~")
        self.expect("one↵two↵three")
        self.type("\r")
        self.expect("> one\r+\ntwo\r+\nthree\r+\n")  # what was asked stays readable
        self.expect("ok")
        self.line("\x1b[A and four")
        self.expect("ok")
        self.line("/quit")
        self.end()
        self.assertEqual((self.home / "history").read_text(),
                         '"one\\ntwo\\nthree"\n"one\\ntwo\\nthree and four"\n"/quit"\n')

    def test_wide_characters_take_two_columns(self):
        self.start("chat", *scripted(turn("ok"), loop=True))
        self.expect("> ")
        self.type("漢字e\u0301")
        self.expect("漢字e\u0301\x1b\\[K\r\x1b\\[7C")
        self.type("\x03\x03")
        self.end()

    def test_a_tool_without_its_helper_is_named(self):
        self.leave_helper()
        self.SETTINGS = {"TAU_EXEC_HELPER": ""}
        self.start("chat", *scripted(turn("ok")))
        self.expect("warning: the tool bash is not offered: ")
        self.line("/tools")
        self.expect("bash +not offered: processes need the helper program")
        self.line("/quit")
        self.end()

    def test_slash_commands(self):
        self.start("chat", "-s", "named", *scripted(turn("ok", usage={"input": 3, "output": 2}), loop=True))
        self.expect("scripted/demo, session named")
        self.line("/session")
        self.expect("named")
        self.line("ask")
        self.expect("ok")
        self.line("/usage")
        self.expect("1 turn, 3 tokens in, 2 out")
        self.line("/tools")
        self.expect("write +write *\r")
        self.line("/fork")
        self.expect("ses_")
        self.line("/new")
        self.expect("ses_")
        self.line("/model offline/offline")
        self.line("/model")
        self.expect("offline/offline")
        self.line("/modle")
        self.expect("did you mean /model")
        self.line("/help")
        self.expect("/export")
        self.line("/quit")
        self.end()

    def test_interrupt_stops_the_answer_and_then_the_program(self):
        self.start("chat", *scripted(turn(["thinking"], hang=True), turn("second")))
        self.line("one")
        self.expect("thinking")
        self.type("\x03")
        self.expect("tau: cancelled")
        self.line("two")
        self.expect("second")
        self.expect("> ")
        self.type("half\x03")
        self.expect("Ctrl-C again")
        self.expect("> ")
        self.type("\x03")
        self.end()

    def test_without_terminal_it_answers_line_by_line(self):
        out, err = self.tau("chat", *scripted(turn("a"), turn("b")), stdin="one\n\ntwo\n")
        self.assertEqual(out, "a\nb\n")
        self.assertNotIn("\033", err)
        self.assertFalse((self.home / "history").exists())


class DumbTerminal(Terminal):
    TERM = "dumb"

    def test_nothing_but_text(self):
        self.start("chat", *scripted(turn("answer"), loop=True))
        self.type("one\n")
        self.assertNotIn("\x1b", self.expect("answer"))
        self.assertNotIn("\x1b", self.expect("1 turn.*> "))
        self.type("\x04")
        self.end()


class Colours(Terminal):
    def test_notes_are_dim_and_a_spinner_turns(self):
        self.start("run", "hi", *self.serve(turn("answer", delay_ms=400)))
        self.expect("[⠋⠙⠹] 0 s.*answer.*\x1b\\[2m1 turn.*\x1b\\[0m")
        self.end()


class NoColours(Terminal):
    SETTINGS = {"NO_COLOR": "1"}

    def test_no_escape_and_no_spinner(self):
        self.start("run", "hi", *self.serve(turn("answer", delay_ms=400)))
        self.assertNotRegex(self.expect("answer.*1 turn, .* out"), "[\x1b⠋]")
        self.end()


class Narrow(Terminal):
    def test_a_long_line_scrolls_in_its_row(self):
        self.start("chat", *scripted(turn("ok"), loop=True))
        self.expect("> ")
        fcntl.ioctl(self.terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 10, 20, 0, 0))
        self.type("0123456789abcdefghijklmnopqrstuvwxyz")
        drawn = self.expect("uvwxyz\x1b").split("\r")
        rows = [re.sub("\x1b\\[[0-9]*[A-Z]", "", row) for row in drawn]
        self.assertLess(max(map(len, rows)), 20)
        self.type("\r")
        self.expect("> 0123456789abcdefghijklmnopqrstuvwxyz")
        self.expect("ok.*> ")
        self.type("\x04")
        self.end()


class Approvals(Terminal):
    def ask(self, *answers):
        self.start("run", "hi", *scripted(turn("", [WRITE]), turn("", [WRITE]), turn("Done.")))
        for answer in answers:
            self.expect(r"write.* \(.{0,8}write.{0,8}\) .*made.txt.*Allow\?")
            self.type(answer + "\r")
        self.expect("Done\\.")
        self.end()

    def test_no(self):
        self.ask("n", "no")
        self.assertFalse((self.workspace / "made.txt").exists())

    def test_what_is_typed_before_the_question_does_not_answer_it(self):
        self.start("run", "hi", *scripted(turn("", [WRITE]), turn("Done.")))
        self.type("y\r")
        self.expect("Allow\\?")
        self.type("n\r")
        self.expect("Done\\.")
        self.end()
        self.assertFalse((self.workspace / "made.txt").exists())

    def test_what_deceives_the_eye_is_written_out(self):
        path = "a\u202etxt.\u200b\u2066sh"
        self.start("run", "hi", *scripted(turn("", [("write", {"path": path, "content": "x"})]), turn("Done.")))
        self.expect(r"a\\u\{202e\}txt\.\\u\{200b\}\\u\{2066\}sh.*Allow\?")
        self.type("n\r")
        self.expect("Done\\.")
        self.end()

    def test_interrupt_cancels_the_run(self):
        self.start("run", "hi", *scripted(turn("", [WRITE]), turn("Done.")))
        self.expect("Allow\\?")
        self.type("\x03")
        self.expect("tau: cancelled")
        self.end(code=130)
        self.assertFalse((self.workspace / "made.txt").exists())

    def test_yes_is_for_one_call(self):
        self.ask("y", "n")
        self.assertTrue((self.workspace / "made.txt").exists())

    def test_always_to_one_place_is_for_no_other(self):
        place = "http://127.0.0.1:9"  # nobody is there: an allowed call fails
        calls = [("http", {"url": place + path, "method": method}) for path, method in
                 (("/a", "POST"), ("/b", "POST"), ("/c", "DELETE"))]
        self.start("run", "hi", "--allow", "http", "--set", f'network.private_origins=["{place}"]',
                   *scripted(*(turn("", [each]) for each in calls), turn("Done.")))
        self.expect(r"/a.*Allow\? \[y\]es, \[n\]o, \[a\]lways to POST http://127\.0\.0\.1:9 in this session: ")
        self.type("a\r")
        self.expect(r"/c.*Allow\?.*to DELETE http://127\.0\.0\.1:9 ")
        self.type("n\r")
        self.expect("Done\\.")
        self.end()

    def test_always(self):
        self.ask("a")
        self.assertTrue((self.workspace / "made.txt").exists())


class Safety(Terminal):
    def test_a_model_cannot_drive_the_terminal(self):
        self.start("run", "hi", *scripted(turn("a\x1b]0;title\x07b\x9b31mc")))
        self.assertNotRegex(self.expect("a.*b.*c"), "[\x07\x1b\x9b]")
        self.end()

    def test_pipes_get_every_byte(self):
        self.assertEqual(self.tau("run", "hi", *scripted(turn("a\x1b[31mb")))[0], "a\x1b[31mb\n")


if __name__ == "__main__":
    tap.main()

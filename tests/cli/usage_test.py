"""tau usage: sums that are exact, a table, a chart, JSON."""

import datetime
import json
import os
import pty
import subprocess

from support import PROGRAM, CliCase, scripted, tap, turn


def priced(text, used, output):
    return {**turn(text), "usage": {"input": used, "output": output}}


class Usage(CliCase):
    def setUp(self):
        super().setUp()
        self.tau("run", "One?", "-s", "one", *scripted(priced("First.", 100, 10)))
        self.tau("run", "Two?", "-s", "two", "--principal", "local", *scripted(priced("Second.", 50, 5)))

    def report(self, *words):
        return json.loads(self.tau("usage", "--json", *words)[0])

    def test_the_sums_are_those_of_the_runs(self):
        report = self.report()
        self.assertEqual(report["total"]["calls"], 2)
        self.assertEqual(report["total"]["input_tokens"], 150)
        self.assertEqual(report["total"]["output_tokens"], 15)
        self.assertFalse(report["more"])
        self.assertEqual(len(report["usage"]), 1)
        self.assertTrue(report["usage"][0]["model"].startswith("scripted/"))

    def test_it_is_told_apart_by_what_is_asked(self):
        rows = self.report("--by", "session")["usage"]
        self.assertEqual({row["session"]: row["input_tokens"] for row in rows}, {"one": 100, "two": 50})
        today = datetime.datetime.now(datetime.timezone.utc).date()
        rows = self.report("--by", "day,principal", "--since", "2d")["usage"]
        self.assertIn(rows[0]["day"], {str(today), str(today - datetime.timedelta(days=1))})
        self.assertEqual(rows[0]["principal"], "local")
        self.assertEqual(self.report("--until", "2020-01-01")["total"]["calls"], 0)
        self.assertTrue(self.report("--by", "session", "--limit", "1")["more"])

    def test_replays_and_forks_count_nothing_again(self):
        run = self.events("Three?", "-s", "three", *scripted(priced("Third.", 1, 1)))[0]["run"]
        self.assertEqual(self.report()["total"]["calls"], 3)
        self.tau("replay", run)
        self.tau("sessions", "fork", "one", "--as", "fork")
        self.assertEqual(self.report()["total"]["calls"], 3)

    def test_what_a_removed_session_used_stays(self):
        self.tau("sessions", "rm", "one")
        report = self.report("--by", "session")
        self.assertEqual(report["total"]["input_tokens"], 150)
        self.assertEqual({row["session"] for row in report["usage"]}, {"", "two"})
        self.assertIn("(removed)", self.tau("usage", "--by", "session")[0])

    def test_a_failed_call_is_counted(self):
        self.tau("run", "Three?", *scripted({"error": {"code": "internal", "reason": "server_error"}}), code=1)
        total = self.report()["total"]
        self.assertEqual((total["calls"], total["failures"]), (3, 1))

    def test_the_table_has_a_chart_when_it_is_wanted(self):
        plain = self.tau("usage", "--by", "session")[0]
        self.assertIn("total", plain)
        self.assertIn("price is not known", plain)
        self.assertNotIn("#", plain)
        chart = self.tau("usage", "--by", "session", "--chart")[0]
        bars = [line for line in chart.splitlines() if "#" in line]
        self.assertEqual(len(bars), 2)
        self.assertEqual(bars[0].count("#"), 2 * bars[1].count("#"))
        self.assertNotIn("\033", chart)
        self.assertLessEqual(max(len(line) for line in bars), 80)

    def test_a_terminal_gets_the_chart(self):
        for colours in ("", "1"):
            leader, follower = pty.openpty()
            try:
                environment = self.environment(TERM="xterm", NO_COLOR=colours)
                subprocess.run([PROGRAM, "usage"], stdout=follower, env=environment, cwd=self.workspace, check=True)
            finally:
                os.close(follower)
            shown = os.read(leader, 65536).decode()
            os.close(leader)
            self.assertIn("#", shown)
            self.assertEqual("\033" in shown, not colours)

    def test_bad_input_is_refused(self):
        for words, reason in ((("--by", "colour"), "unknown_group"), (("--since", "yesterday"), "invalid_day"),
                              (("--since", "2026-02-30"), "invalid_day"), (("--until", "0d"), "invalid_day")):
            with self.subTest(words=words):
                self.assertIn(reason, self.tau("usage", *words, code=3)[1])

    def test_without_a_home_nothing_was_used(self):
        self.assertIn("nothing was used", self.tau("usage", "--home", str(self.folder / "none"))[0])
        self.assertEqual(self.report("--home", str(self.folder / "none"))["usage"], [])


if __name__ == "__main__":
    tap.main()

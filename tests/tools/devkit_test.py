"""tools/check counts what happened: single cases, crashes, empty programs and skipped tests."""

import io
import json
import sys
import tempfile
import unittest
from contextlib import redirect_stdout
from pathlib import Path
from unittest import mock

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools" / "devkit"))
import check  # noqa: E402
import coverage  # noqa: E402
import results  # noqa: E402
from build import ToolError  # noqa: E402

REPORT = """<testsuites><testsuite name="S">
<testcase name="Good" classname="S" status="run" time="0.5"/>
<testcase name="Bad" classname="S" status="run" time="0"><failure message="m">expected 1</failure></testcase>
<testcase name="Off" classname="S" status="notrun" time="0"/>
<testcase name="Skipped" classname="S" status="run" time="0"><skipped message="no"/></testcase>
</testsuite></testsuites>"""
GOOD_REPORT = '<testsuites><testsuite name="S"><testcase name="A" classname="S" status="run"/></testsuite></testsuites>'


class CollectTest(unittest.TestCase):
    def collect(self, records, reports=(), protocol="gtest"):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            (folder / "meson-logs").mkdir()
            lines = [json.dumps({"name": f"libtau:unit / {test}", "result": result, "returncode": code, "duration": 1.0,
                                 "stdout": "last words\n"}) for test, result, code in records]
            (folder / "meson-logs" / "testlog.json").write_text("\n".join(lines))
            for test, text in reports:
                (folder / f"{test}.xml").write_text(text)
            declared = [{"name": test, "suite": ["libtau:unit"], "protocol": protocol} for test, _, _ in records]
            with mock.patch.object(results, "introspect", return_value=declared):
                return results.collect(folder)

    def states(self, cases):
        return [(case.name, case.state) for case in cases]

    def test_each_gtest_case_counts(self):
        cases = self.collect([("t", "FAIL", 1)], [("t", REPORT)])
        self.assertEqual(self.states(cases), [("S.Good", "passed"), ("S.Bad", "failed"), ("S.Off", "skipped"),
                                              ("S.Skipped", "skipped")])
        self.assertIn("expected 1", cases[1].detail)

    def test_crash_without_report_is_one_failure_with_its_output(self):
        cases = self.collect([("t", "FAIL", -11)])
        self.assertEqual(self.states(cases), [("", "failed")])
        self.assertIn("last words", cases[0].detail)

    def test_failure_after_good_cases_still_counts(self):
        cases = self.collect([("t", "FAIL", 86)], [("t", GOOD_REPORT)])
        self.assertEqual(self.states(cases), [("S.A", "passed"), ("", "failed")])

    def test_a_suite_that_is_none_is_refused(self):
        declared = [{"name": name, "suite": [f"libtau:{suite}"], "protocol": "exitcode"} for name, suite in (("a", "u"), ("b", "v"))]
        with mock.patch.object(results, "introspect", return_value=declared):
            self.assertEqual(results.selection(Path(), []), [])
            self.assertEqual(results.selection(Path(), ["u", "v"]), ["--suite", "u", "--suite", "v"])
            with self.assertRaisesRegex(results.ToolError, 'no suite "units": u, v'):
                results.selection(Path(), ["u", "units"])

    def test_program_without_cases_is_a_failure(self):
        self.assertEqual(self.states(self.collect([("t", "OK", 0)], [("t", "<testsuites/>")])), [("", "failed")])

    def test_other_tests_count_as_one(self):
        records = [("a", "OK", 0), ("b", "SKIP", 77), ("c", "TIMEOUT", -15)]
        cases = self.collect(records, protocol="exitcode")
        self.assertEqual([case.state for case in cases], ["passed", "skipped", "failed"])

    def test_same_name_twice_is_refused(self):
        with self.assertRaises(ToolError):
            self.collect([("a", "OK", 0), ("a", "OK", 0)])

    def test_summary_counts_and_shows_failures(self):
        with redirect_stdout(io.StringIO()) as out:
            counts = results.print_summary(self.collect([("t", "FAIL", 1)], [("t", REPORT)]))
        self.assertEqual(counts, (1, 1, 2))
        self.assertIn("unit/t S.Bad", out.getvalue())


class CoverageTest(unittest.TestCase):
    def file(self, name, counts, branches=()):
        lines = [{"line_number": number, "count": count, "branches": [{"count": hit} for hit in branches]}
                 for number, count in enumerate(counts, 1)]
        return {"file": name, "lines": lines}

    def states(self, files):
        with redirect_stdout(io.StringIO()):
            return {case.test: case.state for case in coverage._module_cases(files)}

    def test_thresholds_differ_by_module(self):
        files = [self.file("lib/net/a.cpp", [1] * 92 + [0] * 8), self.file("lib/safety/a.cpp", [1] * 92 + [0] * 8),
                 self.file("lib/json/a.cpp", [1] * 89 + [0] * 11)]
        self.assertEqual(self.states(files), {"lib/net": "passed", "lib/safety": "failed", "lib/json": "failed"})

    def test_branches_have_their_own_threshold(self):
        self.assertEqual(self.states([self.file("lib/net/a.cpp", [1], [1, 1, 1, 0])]), {"lib/net": "failed"})

    def test_uncalled_function_of_the_door_fails(self):
        functions = [{"name": "tau_run_cancel", "execution_count": 0}, {"name": "tau_run_ref", "execution_count": 2}]
        (case,) = coverage._door_case([{"file": "capi/run.cpp", "functions": functions}])
        self.assertEqual((case.state, case.detail), ("failed", "never called: tau_run_cancel"))


class CheckTest(unittest.TestCase):
    def run_check(self, outcomes, *flags):
        """What the command prints when its stages end so: a list of states, or an exception."""
        ran = []

        def stage(name, _):
            ran.append(name)
            found = outcomes.get(name, ["passed"])
            if isinstance(found, Exception):
                raise found
            return [results.Case("unit", str(number), "", state, 0) for number, state in enumerate(found)]
        with redirect_stdout(io.StringIO()) as out, mock.patch.object(check, "stage", stage):
            status = check.main(flags)
        return status, out.getvalue().splitlines()[-1], ran

    def test_one_stage_unless_asked(self):
        self.assertEqual(self.run_check({"check": ["passed", "skipped"]}), (0, "1 passed, 0 failed, 1 skipped", ["check"]))

    def test_the_slow_stages_add_up(self):
        status, last, ran = self.run_check({"clang": ["failed", "passed"], "tsan": ToolError("the build failed")}, "--slow")
        self.assertEqual(ran, ["check", *check.VARIANTS, "asan", "tsan", "coverage"])
        self.assertEqual((status, last), (1, f"{len(ran) - 1} passed, 2 failed"))

    def test_no_test_is_a_failure(self):
        self.assertEqual(self.run_check({"check": []})[:2], (1, "0 passed, 1 failed"))


if __name__ == "__main__":
    unittest.main()

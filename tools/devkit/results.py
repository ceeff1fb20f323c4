"""Reads what `meson test` left behind: one result per GoogleTest case, one per test of any other kind."""

import json
import xml.etree.ElementTree as xml_tree
from dataclasses import dataclass

from build import ToolError, introspect

PASSED, FAILED, SKIPPED = "passed", "failed", "skipped"
_MESON_RESULTS = {"OK": PASSED, "EXPECTEDFAIL": PASSED, "SKIP": SKIPPED}
_TAIL_LINES = 40


@dataclass
class Case:
    suite: str
    test: str    # the name given to Meson's test()
    name: str    # "Suite.Case" of a GoogleTest case, else empty
    state: str
    seconds: float
    detail: str = ""

    def label(self):
        return f"{self.suite}/{self.test}" + (f" {self.name}" if self.name else "")


def failure(test, detail):
    """A failure of a whole run, which belongs to no suite."""
    return Case("run", test, "", FAILED, 0, detail)


def declared_tests(folder):
    """name -> (suite, protocol) of every declared test. Names are unique: GoogleTest reports are named by them."""
    table = {}
    for test in introspect(folder, "tests"):
        if test["name"] in table:
            raise ToolError(f"two tests are named \"{test['name']}\"; their reports would overwrite each other")
        suites = [suite.split(":", 1)[-1] for suite in test["suite"]]
        table[test["name"]] = ("+".join(suites), test["protocol"])
    return table


def selection(folder, suites):
    """The flags that make `meson test` run these suites; all of them when there are none."""
    known = {one for suite, _ in declared_tests(folder).values() for one in suite.split("+")}
    for suite in suites:
        if suite not in known:
            raise ToolError(f"there is no suite \"{suite}\": {', '.join(sorted(known))}")
    return [flag for suite in suites for flag in ("--suite", suite)]


def forget(folder):
    """Removes the reports of earlier runs, so that a crashed program cannot pass on an old one."""
    for report in list(folder.glob("*.xml")) + [folder / "meson-logs" / "testlog.json"]:
        report.unlink(missing_ok=True)


def _tail(record):
    text = (record.get("stdout") or "") + (record.get("stderr") or "")
    return "\n".join(text.rstrip().splitlines()[-_TAIL_LINES:])


def _gtest_cases(report, suite, test):
    """The cases of one GoogleTest XML report; None when there is no readable report."""
    try:
        root = xml_tree.parse(report).getroot()
    except (OSError, xml_tree.ParseError):
        return None
    cases = []
    for element in root.iter("testcase"):
        failures = [failure.text or failure.get("message", "") for failure in element.findall("failure")]
        ran = element.get("status") == "run" and element.find("skipped") is None
        state = FAILED if failures else PASSED if ran else SKIPPED
        name = f"{element.get('classname')}.{element.get('name')}"
        cases.append(Case(suite, test, name, state, float(element.get("time", 0)), "\n".join(failures)))
    return cases


def collect(folder):
    """Every case of the last `meson test` run in `folder`."""
    declared = declared_tests(folder)
    try:
        lines = (folder / "meson-logs" / "testlog.json").read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise ToolError("meson test left no log") from error
    cases = []
    for line in lines:
        record = json.loads(line)
        name = record["name"].split(" / ", 1)[-1]
        suite, protocol = declared[name]
        state = _MESON_RESULTS.get(record["result"], FAILED)
        found = _gtest_cases(folder / f"{name}.xml", suite, name) if protocol == "gtest" else None
        if found:
            cases += found
            if state == PASSED or any(case.state == FAILED for case in found):
                continue
        elif protocol == "gtest" and state == PASSED:
            state, record["stderr"] = FAILED, "the program ended well but reported no test case"
        detail = f"{record['result']}, exit status {record['returncode']}\n{_tail(record)}" if state == FAILED else ""
        cases.append(Case(suite, name, "", state, record["duration"], detail))
    return cases


def print_summary(cases):
    """A table by suite, then every failure with its detail. Returns the counts (passed, failed, skipped)."""
    suites = sorted({case.suite for case in cases})
    width = max([len(suite) for suite in suites] + [5])
    print(f"\n{'suite':{width}}  passed  failed  skipped")
    for suite in suites:
        mine = [case.state for case in cases if case.suite == suite]
        print(f"{suite:{width}}  {mine.count(PASSED):6}  {mine.count(FAILED):6}  {mine.count(SKIPPED):7}")
    failures = [case for case in cases if case.state == FAILED]
    if failures:
        print(f"\n{len(failures)} failed:")
    for case in failures:
        print(f"\n--- {case.label()}")
        print("\n".join("    " + line for line in case.detail.splitlines()[:_TAIL_LINES + 1]))
    states = [case.state for case in cases]
    return states.count(PASSED), states.count(FAILED), states.count(SKIPPED)


def print_counts(cases, note=""):
    """The summary, then `note`, then the line of counts, which ends the output. Returns the exit status."""
    passed, failed, skipped = print_summary(cases)
    if passed + failed == 0:
        print("\nno test ran")
        failed = 1
    print(note)
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    return 1 if failed else 0

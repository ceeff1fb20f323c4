"""Line and branch coverage per module, held to the thresholds below. Counting is gcov's, reading is gcovr's."""

import json
import re
import subprocess
from collections import defaultdict

from build import ROOT, run
from results import FAILED, PASSED, Case

# Percent of lines and of branches; a folder not named here takes its first folder's row.
THRESHOLDS = {"lib": (90.0, 80.0), "lib/access": (95.0, 80.0), "lib/credential": (95.0, 80.0),
              "lib/safety": (95.0, 80.0)}


def forget(folder):
    """Removes the counters of earlier runs."""
    for counters in folder.rglob("*.gcda"):
        counters.unlink()


def _load(folder):
    report = folder / "coverage.json"
    run(["gcovr", "--root", ROOT, "--filter", "lib/", "--filter", "capi/", "--exclude-throw-branches",
         "--exclude-unreachable-branches", "--gcov-ignore-parse-errors", "--json", report, folder],
        stdout=subprocess.DEVNULL)
    return json.loads(report.read_text())["files"]


def _count(line):
    """(lines, covered lines, branches, covered branches) of one line record."""
    if line.get("gcovr/noncode") or line.get("gcovr/excluded"):
        return (0, 0, 0, 0)
    branches = [branch for branch in line["branches"] if not branch.get("throw")]
    return (1, int(line["count"] > 0), len(branches), sum(branch["count"] > 0 for branch in branches))


def _percent(part, whole):
    return 100.0 * part / whole if whole else 100.0


def _module_cases(files):
    totals = defaultdict(lambda: [0, 0, 0, 0])
    for file in files:
        module = "/".join(file["file"].split("/")[:2]) if file["file"].startswith("lib/") else "capi"
        for line in file["lines"]:
            totals[module] = [a + b for a, b in zip(totals[module], _count(line))]
    print(f"\n{'module':18}  {'lines':>6}  {'covered':>8}  {'branches':>8}  {'covered':>8}")
    cases = []
    for module, (lines, lines_hit, branches, branches_hit) in sorted(totals.items()):
        line_rate, branch_rate = _percent(lines_hit, lines), _percent(branches_hit, branches)
        print(f"{module:18}  {lines:6}  {line_rate:7.1f}%  {branches:8}  {branch_rate:7.1f}%")
        floor = THRESHOLDS.get(module, THRESHOLDS.get(module.split("/")[0]))
        if floor is None:
            continue
        good = line_rate >= floor[0] and branch_rate >= floor[1]
        detail = (f"lines {line_rate:.1f} % (at least {floor[0]:.0f}), "
                  f"branches {branch_rate:.1f} % (at least {floor[1]:.0f})")
        cases.append(Case("coverage", module, "", PASSED if good else FAILED, 0.0, detail))
    return cases


def _door_case(files):
    """Every exported function must have been called by some test."""
    calls = defaultdict(int)
    for file in files:
        if file["file"].startswith("capi/"):
            for function in file.get("functions", []):
                found = re.match(r"(tau_\w+)", function["name"])
                if found:
                    calls[found.group(1)] += function["execution_count"]
    if not calls:
        return []
    never = sorted(name for name, count in calls.items() if count == 0)
    detail = "never called: " + ", ".join(never) if never else ""
    return [Case("coverage", "capi functions", "", FAILED if never else PASSED, 0.0, detail)]


def measure(folder):
    """Prints the table; returns one case per module and one for the functions of the C door."""
    files = _load(folder)
    return _module_cases(files) + _door_case(files)

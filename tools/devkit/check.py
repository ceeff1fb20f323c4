"""tools/check: build with warnings as errors, run the suites, end with one line of counts."""

import argparse
import os
import sys
import time

import coverage
import results
import sanitizers
from build import ROOT, ToolError, build, configure, main_guard, run

OPTIONS = {
    "buildtype": "debugoptimized",
    "werror": "true",
    "tests": "enabled",
    "benchmarks": "enabled",
    "fuzzers": "standalone",
}
COVERAGE_OPTIONS = {**OPTIONS, "buildtype": "debug", "benchmarks": "disabled", "b_coverage": "true"}
# The other ways to build, which --slow tries after the usual one: name -> (options, environment).
VARIANTS = {
    "clang": (OPTIONS, {"CC": "clang", "CXX": "clang++"}),
    "enabled": ({**OPTIONS, "auto_features": "enabled"}, {}),
    "disabled": ({"werror": "true", "auto_features": "disabled", "tests": "enabled", "fuzzers": "none"}, {}),
    "static": ({**OPTIONS, "default_library": "static"}, {}),
}


def parse_args(argv):
    stages = ["check", *VARIANTS, *sorted(sanitizers.SANITIZERS), "coverage"]
    parser = argparse.ArgumentParser(prog="tools/check", description="Builds libtau and runs its test suites.")
    parser.add_argument("--slow", action="store_true", help="run the slow suites too (soak, long fuzzing, kill -9), then all other"
                        " stages: " + ", ".join(stages[1:]))
    parser.add_argument("--stage", action="append", choices=stages, default=[], help="run only this stage (may be repeated)")
    parser.add_argument("--coverage", action="store_true", help="measure coverage and hold it to its thresholds")
    parser.add_argument("--no-bootstrap", action="store_true", help="do not look for missing packages")
    parser.add_argument("--suite", action="append", default=[], help="run only this suite (may be repeated)")
    args = parser.parse_args(argv)
    args.stage = args.stage or (stages if args.slow else ["coverage"] if args.coverage else ["check"])
    return args


def tested(name, options, args, env=None, slow=False):
    """Builds and tests in build/<name>: every case. The reports decide; the exit status is only a cross-check."""
    folder = configure(name, options, env)
    build(folder)
    suites = results.selection(folder, args.suite) + ([] if slow else ["--no-suite", "slow"])
    results.forget(folder)
    if name == "coverage":
        coverage.forget(folder)
    sys.stdout.flush()
    done = run(["meson", "test", "-C", folder, "--no-rebuild", "--timeout-multiplier", "3", *suites], check=False,
               env={**os.environ, "TERM": os.environ.get("TERM", "dumb")})
    cases = results.collect(folder)
    if name == "coverage":
        cases += coverage.measure(folder)
    if done.returncode != 0 and not any(case.state == results.FAILED for case in cases):
        cases.append(results.failure(name, f"meson test ended with status {done.returncode} although no case failed"))
    return cases


def stage(name, args):
    if name == "check":
        return tested(name, OPTIONS, args, slow=args.slow)
    if name == "coverage":
        return tested(name, COVERAGE_OPTIONS, args)
    if name in VARIANTS:
        options, env = VARIANTS[name]
        return tested(f"variant-{name}", options, args, env)
    return sanitizers.cases(name, args.suite)


def main(argv):
    args = parse_args(argv)
    cases, notes = [], []
    for name in args.stage:
        started = time.monotonic()
        if len(args.stage) > 1:
            print(f"\n=== {name}", flush=True)
        try:
            found = stage(name, args)
        except ToolError as error:
            found = [results.failure(name, str(error))]
        notes.append(f"{name} {time.monotonic() - started:.0f} s")
        if len(args.stage) > 1:
            results.print_summary(found)
            for case in found:
                case.suite = f"{name}: {case.suite}"
        cases += found
    return results.print_counts(cases, f"\n{', '.join(notes)}, logs in {(ROOT / 'build').name}/*/meson-logs")


if __name__ == "__main__":
    main_guard(main)

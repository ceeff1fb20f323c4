"""tools/check: build with warnings as errors, run the suites, end with one line of counts."""

import argparse
import os
import sys
import time

import coverage
import results
from build import ROOT, ToolError, build, configure, main_guard, run

OPTIONS = {
    "buildtype": "debugoptimized",
    "werror": "true",
    "tests": "enabled",
    "benchmarks": "enabled",
    "fuzzers": "standalone",
}
COVERAGE_OPTIONS = {**OPTIONS, "buildtype": "debug", "benchmarks": "disabled", "b_coverage": "true"}


def parse_args(argv):
    parser = argparse.ArgumentParser(prog="tools/check", description="Builds libtau and runs its test suites.")
    parser.add_argument("--slow", action="store_true", help="run the slow suites too (soak, long fuzzing, kill -9)")
    parser.add_argument("--coverage", action="store_true", help="measure coverage and hold it to its thresholds")
    parser.add_argument("--no-bootstrap", action="store_true", help="do not look for missing packages")
    parser.add_argument("--suite", action="append", default=[], help="run only this suite (may be repeated)")
    return parser.parse_args(argv)


def run_tests(folder, args):
    """Runs the wanted suites; results are read from the reports, so the exit status is only a cross-check."""
    suites = [flag for suite in args.suite for flag in ("--suite", suite)]
    if not args.slow:
        suites += ["--no-suite", "slow"]
    results.forget(folder)
    sys.stdout.flush()
    done = run(["meson", "test", "-C", folder, "--no-rebuild", "--timeout-multiplier", "3", *suites], check=False,
               env={**os.environ, "TERM": os.environ.get("TERM", "dumb")})
    return done.returncode


def main(argv):
    args = parse_args(argv)
    started = time.monotonic()
    passed = failed = skipped = 0
    try:
        name, options = ("coverage", COVERAGE_OPTIONS) if args.coverage else ("check", OPTIONS)
        folder = configure(name, options)
        build(folder)
        built = time.monotonic()
        if args.coverage:
            coverage.forget(folder)
        status = run_tests(folder, args)
        cases = results.collect(folder)
        if args.coverage:
            cases += coverage.measure(folder)
        passed, failed, skipped = results.print_summary(cases)
        if status != 0 and failed == 0:
            print(f"\nmeson test ended with status {status} although no case failed")
            failed += 1
        if passed + failed == 0:
            print("\nno test ran")
            failed += 1
        print(f"\nbuild {built - started:.0f} s, tests {time.monotonic() - built:.0f} s,"
              f" logs in {(folder / 'meson-logs').relative_to(ROOT)}")
    except ToolError as error:
        print(f"\nerror: {error}")
        failed += 1
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    return 1 if failed else 0


if __name__ == "__main__":
    main_guard(main)

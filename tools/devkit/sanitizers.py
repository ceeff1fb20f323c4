"""The whole suite under a sanitizer: what is built, how it runs, how reports are counted."""

import os

import results
from build import ROOT, build, configure, run

# Nothing is optimised away before it can be seen, and the instrumented build takes a third of the time.
COMMON = {"buildtype": "debug", "b_lundef": "false", "tests": "enabled", "benchmarks": "disabled",
          "fuzzers": "standalone"}
SANITIZERS = {
    "asan": {
        "options": {**COMMON, "b_sanitize": "address,undefined"},
        "env": {"ASAN_OPTIONS": "abort_on_error=0:exitcode=86:detect_stack_use_after_return=1:strict_string_checks=1",
                "LSAN_OPTIONS": f"print_suppressions=0:suppressions={ROOT / 'tools' / 'devkit' / 'lsan.suppressions'}",
                "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1:exitcode=86"},
    },
    "tsan": {
        "options": {**COMMON, "b_sanitize": "thread"},
        # What Node's engine does with atomics of its own is not seen, only its calls of libc.
        "env": {"TSAN_OPTIONS": "exitcode=86:halt_on_error=0:second_deadlock_stack=1:ignore_noninstrumented_modules=1"},
    },
}
_REPORTS = ("ERROR: AddressSanitizer", "ERROR: LeakSanitizer", "WARNING: ThreadSanitizer", "runtime error:")


def _count_reports(log):
    """A test that swallows the exit status still shows in the log of the run."""
    text = log.read_text(encoding="utf-8", errors="replace")
    return sum(text.count(mark) for mark in _REPORTS)


def cases(which, suites=()):
    """Builds and runs; every case of the suites, and one that fails with the number of reports."""
    chosen = SANITIZERS[which]
    folder = configure(which, chosen["options"])
    build(folder)
    results.forget(folder)
    flags = results.selection(folder, suites) + ["--no-suite", "slow", "--no-suite", "lint"]
    run(["meson", "test", "-C", folder, "--no-rebuild", "--timeout-multiplier", "10", *flags], check=False,
        env={**os.environ, **chosen["env"]})
    log = folder / "meson-logs" / "testlog.txt"
    reports = _count_reports(log)
    state = results.FAILED if reports else results.PASSED
    return [*results.collect(folder),
            results.Case("sanitizer", which, "", state, 0, f"{reports} sanitizer reports (log: {log.relative_to(ROOT)})")]

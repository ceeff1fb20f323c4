"""Every C and C++ file is as clang-format leaves it. Releases differ, so the answer counts for one release only."""

import re
import shutil
import subprocess

from common import ROOT, cpp_files, finish, skip

RELEASE = "14"  # Debian 12's
FOLDERS = ("lib", "capi", "include", "examples", "tests", "bench", "fuzz", "bindings")


def _formatter():
    for name in (f"clang-format-{RELEASE}", "clang-format"):
        if shutil.which(name):
            answer = subprocess.run([name, "--version"], capture_output=True, text=True, check=True).stdout
            if re.search(rf"version {RELEASE}\.", answer):
                return name
    return None


def main():
    formatter = _formatter()
    if formatter is None:
        skip(f"clang-format {RELEASE} is not installed")
    files = cpp_files(*FOLDERS)
    findings = []
    if files:
        done = subprocess.run([formatter, "--dry-run", "-Werror", "--ferror-limit=1", *map(str, files)], cwd=ROOT,
                              capture_output=True, text=True, check=False)
        for line in done.stderr.splitlines():
            found = re.match(r"(.*?:\d+):\d+: error: ", line)
            if found:
                findings.append(f"{found.group(1)}: not formatted; run clang-format -i")
        if done.returncode != 0 and not findings:
            findings.append(done.stderr.strip() or f"clang-format ended with {done.returncode}")
    finish(findings, f"{len(files)} files are formatted")


if __name__ == "__main__":
    main()

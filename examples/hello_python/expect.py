"""Runs an example and compares what it prints: expect.py EXPECTED COMMAND [ARGUMENT…]. A .py file runs in this Python."""

import subprocess
import sys

command = [sys.executable, *sys.argv[2:]] if sys.argv[2].endswith(".py") else sys.argv[2:]
done = subprocess.run(command, text=True, capture_output=True, timeout=60, check=False)
with open(sys.argv[1], encoding="utf-8") as file:
    expected = file.read()
if (done.returncode, done.stdout, done.stderr) != (0, expected, ""):
    sys.exit(f"exit {done.returncode}\n{done.stdout}\nexpected\n{expected}\n{done.stderr}")

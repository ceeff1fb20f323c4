"""Runs the example in a directory of its own, twice: the second time its vault is there."""

import subprocess
import sys
import tempfile

with tempfile.TemporaryDirectory() as folder:
    first = subprocess.run([sys.argv[1], folder], capture_output=True, text=True, check=False)
    assert first.returncode == 0, first
    assert "elsewhere: secret_origin_mismatch" in first.stdout, first
    assert "not a real key" not in first.stdout.split("\n", 1)[1], first
    again = subprocess.run([sys.argv[1], folder], capture_output=True, text=True, check=False)
    assert again.returncode == 1 and "exists" in again.stderr, again

"""Runs the example twice on one home and reads what it found."""

import json
import subprocess
import sys
import tempfile

with tempfile.TemporaryDirectory() as home:
    for _ in range(2):
        done = subprocess.run([sys.argv[1], home], stdout=subprocess.PIPE, text=True, check=True, timeout=60)
        print(done.stdout)
        tea, city, boat = (json.loads(line)["hits"] for line in done.stdout.splitlines())
        assert [hit["id"] for hit in tea] == ["tea"], tea
        assert 0 < tea[0]["score"] <= 1, tea
        assert [hit["text"] for hit in city] == ["Ada lives in Rome"], city
        assert boat == [], boat

# What went wrong is said.
done = subprocess.run([sys.argv[1], "/dev/null/home"], stderr=subprocess.PIPE, text=True, timeout=60)
assert done.returncode == 1 and "/dev/null/home" in done.stderr, done

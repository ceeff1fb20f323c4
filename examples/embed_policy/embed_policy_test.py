"""Runs the example and reads its verdicts."""

import json
import subprocess
import sys

done = subprocess.run([sys.argv[1]], stdout=subprocess.PIPE, text=True, check=True)
print(done.stdout)
*verdicts, signals = map(json.loads, done.stdout.splitlines())
assert [v["verdict"] for v in verdicts] == ["allow", "ask", "resolve", "deny", "deny"]
assert [v["reason"] for v in verdicts[1:2] + verdicts[3:]] == ["ask_untrusted_destination", "invalid_url", "egress_metadata"]
assert signals[0]["family"] == "instruction_override"

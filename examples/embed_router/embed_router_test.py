"""Runs the example and reads what its route decided, and what the answer cost."""

import json
import subprocess
import sys

done = subprocess.run([sys.argv[1]], stdout=subprocess.PIPE, text=True, check=True, timeout=60)
print(done.stdout)
events = [json.loads(line) for line in done.stdout.splitlines()]
decisions = [(e["decision"], e["reason"], e.get("upstream")) for e in events if e["event"] == "route"]
assert decisions == [
    ("selected", "ordered", "host/broken"),
    ("failed", "overloaded", "host/broken"),
    ("failover", "overloaded", "host/slow"),
    ("failed", "first_byte_timeout", "host/slow"),
    ("failover", "first_byte_timeout", "host/good"),
], decisions
outcome = events[-1]["outcome"]
assert outcome["status"] == "done" and outcome["text"] == "Routed well.", outcome
assert outcome["usage"]["cost_usd_micros"] == 180, outcome  # 100 tokens at 1 $ a million, 20 at 4 $

"""Runs through a route of three upstreams that fail by seed, over each dialect: whatever comes, a run ends, and says
every word once and in order."""

import json
import re
import subprocess
import time
from collections import Counter

from support import BASES, TIMEOUT, CliCase, tap  # makes tools importable

from fault_upstream import FAULTS, FaultUpstreams

SEEDS = range(1, 5)  # of each dialect
DIALECTS = ("openai_chat", "openai_responses", "anthropic_messages", "gemini", "bedrock_converse", "cohere_chat", "ollama_chat")
# "duplicate" says a word twice and is believed; a huge line takes long to send.
QUICK = [fault for fault in FAULTS if fault not in ("duplicate", "huge_line")]
LIMIT_MS = 400
MOST_S = 4 * (2 * LIMIT_MS / 1000 + 2) + 10


class Faults(CliCase):
    def options(self, server, dialect):
        made = ["--model", "route/main", "--set", 'routes.main.upstreams=["u0/m","u1/m","u2/m"]',
                "--set", "routes.main.retry.max_attempts=4", "--set", "routes.main.retry.max_retry_after_ms=100"]
        for place, port in enumerate(server.ports):
            for key, value in {"base_url": f"http://127.0.0.1:{port}{BASES.get(dialect, '/v1')}", "dialect": dialect,
                               "deadlines.first_byte_ms": LIMIT_MS, "deadlines.idle_ms": LIMIT_MS}.items():
                made += ["--set", f"providers.u{place}.{key}={value}"]
        return made

    def play(self, server, dialect):
        """The events of a run, and how long it took."""
        began = time.monotonic()
        done = subprocess.run([self.program, "run", "--json", "hi", *self.options(server, dialect)], cwd=self.workspace,
                              env=self.environment(), stdin=subprocess.DEVNULL, capture_output=True, timeout=TIMEOUT, check=False)
        events = [json.loads(line) for line in done.stdout.decode().splitlines()]
        self.assertGreaterEqual(done.returncode, 0, done.stderr.decode())
        return events, time.monotonic() - began

    def check(self, events, took):
        kinds = Counter(event["event"] for event in events)
        self.assertEqual(kinds["run_done"], 1, kinds)
        self.assertEqual(events[-1]["event"], "run_done")
        self.assertLess(took, MOST_S)
        said = ""
        for event in events:
            if event["event"] == "attempt":
                self.assertEqual(said, "", "a new try after a word")
            if event["event"] == "text":
                said += event["text"]
        words = re.findall(r"<(\d+)\.(\d+)\.(\d+)>", said)
        self.assertEqual("".join(f"<{a}.{b}.{c}>" for a, b, c in words), said)
        self.assertEqual([int(word) for _, _, word in words], list(range(len(words))))
        self.assertLessEqual(len({(place, request) for place, request, _ in words}), 1)

    def test_whatever_comes_every_word_is_said_once(self):
        outcomes = Counter()
        for dialect in DIALECTS:
            for seed in SEEDS:
                with self.subTest(dialect=dialect, seed=seed):
                    server = FaultUpstreams(seed, 3, QUICK, 0.6)
                    self.addCleanup(server.stop)
                    events, took = self.play(server, dialect)
                    self.check(events, took)
                    outcomes[events[-1].get("status") or events[-1].get("outcome", {}).get("status")] += 1
        self.assertGreater(len(outcomes), 1, "nothing failed, or nothing was answered")


if __name__ == "__main__":
    tap.main()

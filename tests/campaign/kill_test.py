#!/usr/bin/env python3
"""Kills a program with SIGKILL in the middle of agent runs, restarts it, and checks that the promises held.

Usage: kill_test.py HOST [--kills N] [--seed N]

A scenario is one home on disk and a program (host.c) that is killed up to three times, then left to finish. Points of
death: in the middle of the Nth file write (torn in two), before the Nth sync, at the Nth event, behind the Nth side
effect, or after a random time. Printed is TAP; a failed scenario names its seed: `--kills 1 --seed N` plays it again.
"""

import argparse
import json
import random
import re
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

PROMPTS = 3
MOST_KILLS_PER_SCENARIO = 3
MOST_SHOWN = 10
LIMIT_S = 60  # a program that neither ends nor dies has failed


def make_script():
    """Per prompt: two turns with tool calls, an answer, and the answer to the message that came meanwhile."""
    turns = []
    for n in range(2 * PROMPTS):
        turns.append({"tool_calls": [
            {"id": f"append{n}", "name": "append", "arguments": {}},
            {"id": f"write{n}", "name": "write", "arguments": {"path": f"file{n}", "content": f"content {n}"}}]})
        turns.append({"tool_calls": [
            {"id": f"observe{n}", "name": "observe", "arguments": {}},
            {"id": f"bash{n}", "name": "bash", "arguments": {"command": f"echo bash{n} >> effects"}}]})
        turns.append({"text": [f"answer {n}, ", "piece by piece"]})
        turns.append({"text": f"to the message {n}"})
    return {"turns": turns}


class Scenario:
    """One home, its program, and all that the program was promised."""

    def __init__(self, host, folder, seed):
        self.host = host
        self.folder = folder
        self.random = random.Random(seed)
        self.home = folder / "home"
        self.workspace = folder / "workspace"
        self.workspace.mkdir()
        self.ledger = folder / "ledger"
        self.script = folder / "script.json"
        self.script.write_text(json.dumps(make_script()))
        self.kills = Counter()
        self.points = []
        self.promised = set()  # runs that acknowledged an op: they are durable
        self.runs = []     # in order of the calls that began them
        self.acknowledged = set()
        self.done = {}
        self.problems = []

    def note(self, line):
        verb, _, rest = line.partition(" ")
        if verb in ("RUN", "RESUMED"):  # the kill may have hidden the beginning
            self.runs.append(rest)
        elif verb == "ACK":
            body = json.loads(rest)
            self.acknowledged.add(body["id"])
            self.promised.add(body["run"])
        elif verb == "REJECTED" or verb == "FAILED":
            self.problems.append(line)
        elif verb == "DONE":
            body = json.loads(rest)
            if body["run"] in self.done:
                self.problems.append(f"{body['run']} ended twice")
            self.done[body["run"]] = body["outcome"]

    def live(self, point):
        """One life of the program. Returns its exit status, and the counts that it tells at its end."""
        delay = float(point.split(":")[1]) if point.startswith("delay:") else None
        process = subprocess.Popen(
            [self.host, "run", self.home, self.workspace, self.ledger, self.script, str(PROMPTS), point],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        try:
            out, _ = process.communicate(timeout=delay if delay is not None else LIMIT_S)
        except subprocess.TimeoutExpired:
            if delay is None:
                self.problems.append(f"the program hung at {point}")
            process.kill()
            out, _ = process.communicate()
        self.points.append(point)
        complete = out[:out.rfind("\n") + 1]  # the kill may have cut the last line
        for line in complete.splitlines():
            self.note(line)
        if process.returncode not in (0, -signal.SIGKILL):
            self.problems.append(f"exit status {process.returncode} at {point}: {out[-300:]}")
        return process.returncode, complete

    def play(self, counts, kills):
        """Kills up to `kills` times, then lets the program finish. `counts`: how often a whole life passes each point,
        and how many microseconds it takes. Later lives are shorter: they have less left to do."""
        for life in range(1, kills + 1):
            kind = self.random.choice(list(counts))
            n = self.random.randint(1, max(1, counts[kind] // life))
            point = f"delay:{n / 1e6:.6f}" if kind == "delay" else f"{kind}:{n}"
            status, _ = self.live(point)
            if status == 0:
                break
            self.kills[kind] += 1
        return self.live("none")

    def inspect(self):
        """The conversation at the end, the session, and run -> status of its replay."""
        out = subprocess.run([self.host, "inspect", self.home, self.workspace, *dict.fromkeys(self.runs)],
                             stdout=subprocess.PIPE, text=True, check=False, timeout=LIMIT_S).stdout
        found = dict(line.split(" ", 1) for line in out.splitlines() if line.startswith(("EXPORT", "SESSION")))
        replays = [line.split(" ", 3)[1:] for line in out.splitlines() if line.startswith("REPLAY")]
        return json.loads(found["EXPORT"]), json.loads(found["SESSION"]), replays


def parts_of(export, kind):
    return [part for entry in export["messages"] for part in entry["message"]["parts"] if part["type"] == kind]


def text_of(part):
    return "".join(piece.get("text", "") for piece in part["content"])


def check_conversation(scenario, export):
    """Nothing acknowledged is lost, nothing is there twice, each call has one result."""
    said = Counter(part["text"] for part in parts_of(export, "text"))
    calls = Counter(part["id"] for part in parts_of(export, "tool_call"))
    results = Counter(part["call_id"] for part in parts_of(export, "tool_result"))
    contents = {part["call_id"]: text_of(part) for part in parts_of(export, "tool_result")}
    if calls != results:
        yield f"calls and results differ: {calls - results} without, {results - calls} too many"
    for n in range(1, PROMPTS + 1):
        if said[f"prompt <{n}>"] != 1:
            yield f"prompt {n} is there {said[f'prompt <{n}>']} times"
        if said[f"message <{n}>"] > 1:
            yield f"message {n} is there {said[f'message <{n}>']} times"
    for op in scenario.acknowledged:
        kind, _, rest = op.partition("-")
        if kind == "message" and said[f"message <{rest}>"] != 1:
            yield f"acknowledged {op} is lost"
        if kind == "result" and contents.get(rest) != f"effect of {rest}":
            yield f"acknowledged {op} is lost: the result is {contents.get(rest)!r}"
    for text, count in said.items():
        if count != 1:
            yield f"{text!r} is there {count} times"


def check_effects(scenario, export):
    """What is not idempotent happened at most once, and what has a good result did happen."""
    ledger = scenario.ledger.read_text().splitlines() if scenario.ledger.exists() else []
    happened = Counter(line.split()[2] for line in ledger)
    effects = scenario.workspace / "effects"
    happened.update(effects.read_text().split() if effects.exists() else [])
    for call, count in happened.items():
        if count > 1 and not call.startswith("observe"):
            yield f"{call} happened {count} times"
    for part in parts_of(export, "tool_result"):
        call = part["call_id"]
        if part.get("is_error"):
            continue
        if call.startswith("write"):
            if not (scenario.workspace / f"file{call[5:]}").exists():
                yield f"{call} has a good result but no file"
        elif happened[call] == 0:
            yield f"{call} has a good result but no effect"


def check_home(scenario, session, replays):
    database = sqlite3.connect(scenario.home / "tau.db")
    answer = database.execute("PRAGMA integrity_check").fetchall()
    database.close()
    if answer != [("ok",)]:
        yield f"integrity_check: {answer}"
    if session.get("open_run"):
        yield f"{session['open_run']} is still open"
    ledger = scenario.ledger.read_text().splitlines() if scenario.ledger.exists() else []
    durable = scenario.promised | set(scenario.done) | {line.split()[1] for line in ledger}
    known = {run for run, _, _ in replays}
    for run in durable - known:
        yield f"{run} is lost"
    for run, status, report in replays:
        # RUN_STARTED promises nothing: a run may die before its first commit.
        if status == "NOT_FOUND" and run not in durable:
            continue
        if status != "OK" or not json.loads(report)["identical"]:
            yield f"replay of {run}: {status} {report}"
    for run, outcome in scenario.done.items():
        if outcome["status"] != "done":
            yield f"{run} ended {outcome}"


def judge(scenario, last_status):
    if last_status != 0:
        return [*scenario.problems, f"the last life ended with status {last_status}"]
    try:
        export, session, replays = scenario.inspect()
    except (KeyError, ValueError) as error:
        return [*scenario.problems, f"the home cannot be inspected: {error!r}"]
    return [*scenario.problems, *check_conversation(scenario, export), *check_effects(scenario, export),
            *check_home(scenario, session, replays)]


def undisturbed(host):
    """A scenario without a kill: it must be right, and tells how often each point is passed."""
    with tempfile.TemporaryDirectory() as folder:
        scenario = Scenario(host, Path(folder), 0)
        start = time.monotonic()
        status, out = scenario.live("none")
        counts = {"delay": int((time.monotonic() - start) * 1e6)}
        problems = judge(scenario, status)
        counts |= {kind: int(n) for kind, n in re.findall(r"(\w+):(\d+)", out.split("COUNTS", 1)[-1])}
        # Per prompt: the message and the results of two tools of the host.
        if len(scenario.acknowledged) != 3 * PROMPTS:
            problems.append(f"acknowledged are {sorted(scenario.acknowledged)}")
        if len(counts) != 5 or 0 in counts.values():
            problems.append(f"a point of death is never passed: {counts}")
        return counts, problems


def parse_args(argv):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("host", type=Path)
    parser.add_argument("--kills", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args(argv)


def main(argv):
    args = parse_args(argv)
    counts, problems = undisturbed(args.host)
    print(f"{'not ok' if problems else 'ok'} 1 - a run without a kill keeps every promise")
    for problem in problems:
        print(f"# {problem}")
    killed, failures, scenarios = Counter(), 0, 0
    while not problems and killed.total() < args.kills:
        seed = args.seed + scenarios
        scenarios += 1
        with tempfile.TemporaryDirectory() as folder:
            scenario = Scenario(args.host, Path(folder), seed)
            status, _ = scenario.play(counts, scenario.random.randint(1, MOST_KILLS_PER_SCENARIO))
            found = judge(scenario, status)
            killed += scenario.kills
            failures += bool(found)
            if found and failures <= MOST_SHOWN:
                print(f"# seed {seed}, {' '.join(scenario.points)}:", *(f"\n#   {problem}" for problem in found))
    tally = ", ".join(f"{n} at {kind}" for kind, n in sorted(killed.items()))
    good = failures == 0 and killed.total() >= args.kills
    print(f"{'ok' if good else 'not ok'} 2 - {killed.total()} kills in {scenarios} scenarios ({tally}): "
          f"{failures} scenarios broke a promise")
    print("1..2", flush=True)
    return 1 if problems or not good else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

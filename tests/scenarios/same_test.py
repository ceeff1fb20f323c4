"""Every door plays every scenario, and all give the same events: C threaded and in manual mode, C++, Python with and
without asyncio, Node."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "python"), str(HERE)]

import scenarios  # noqa: E402
import tap  # noqa: E402

DOORS = json.loads(sys.argv.pop(1))  # name -> command
TIMEOUT = 240
# Chosen anew in each run; everything else is the same.
_CHANGING = re.compile(r"\b(run|ses)_[0-9a-z]{10,}\b")
_CHANGING_MEMBERS = {"created", "updated", "used", "forgotten", "superseded"}  # of memories: when something was done


def normalised(lines):
    """Events without what differs from run to run; pieces of text are merged, as a slow reader gets them."""
    events = []
    for line in lines:
        if line.startswith("memory "):
            events.append({"memory": _without_moments(json.loads(line.removeprefix("memory ")))})
            continue
        if not line.startswith("{"):
            events.append({"door": line})
            continue
        event = json.loads(_CHANGING.sub(r"\1_ID", line))
        last = events[-1] if events else {}
        if event["event"] in ("text", "reasoning") and last.get("event") == event["event"]:
            last["text"] += event["text"]
        else:
            events.append(event)
    return events


def _without_moments(value):
    if isinstance(value, list):
        return [_without_moments(each) for each in value]
    if not isinstance(value, dict):
        return float(value) if isinstance(value, int) and not isinstance(value, bool) else value  # 0 is 0.0 in JavaScript
    return {key: _without_moments(each) for key, each in value.items()
            if not (key in _CHANGING_MEMBERS and isinstance(each, str))}


def digest(events):
    return hashlib.sha256(json.dumps(events, sort_keys=True).encode()).hexdigest()[:16]


class Same(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = Path(tempfile.mkdtemp(prefix="tau-scenarios-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.names = []
        for scenario in scenarios.scenarios():
            (cls.folder / scenario.name).write_text(scenario.text(), encoding="utf-8", newline="\n")
            cls.names.append(scenario.name)
        cls.played = {door: cls.play(command) for door, command in DOORS.items()}

    @classmethod
    def play(cls, command):
        """Scenario -> its events. One process plays all, so that what one leaves behind would show in the next."""
        done = subprocess.run([*command, *cls.names], cwd=cls.folder, capture_output=True, timeout=TIMEOUT, check=False,
                              env={**os.environ, "PYTHONUTF8": "1"})
        out = done.stdout.decode()
        if done.returncode != 0:
            raise AssertionError(f"{command[0]}: exit {done.returncode}\n{out[-2000:]}\n{done.stderr.decode()[-4000:]}")
        parts = re.split(r"^== (\S+)\n", out, flags=re.M)[1:]
        return {name: normalised(text.split("\n")[:-1]) for name, text in zip(parts[::2], parts[1::2])}

    def test_there_are_a_hundred(self):
        self.assertGreaterEqual(len(self.names), 100)

    def test_each_door_plays_them_all(self):
        for door, played in self.played.items():
            self.assertEqual(list(played), self.names, door)

    def test_every_run_ends_once(self):
        for door, played in self.played.items():
            for scenario in scenarios.scenarios():
                ends = [event for event in played[scenario.name] if event.get("event") == "run_done"]
                self.assertEqual(len(ends), scenario.runs, f"{door}: {scenario.name}")

    def test_scenarios_differ(self):
        digests = {digest(events) for events in next(iter(self.played.values())).values()}
        self.assertGreater(len(digests), 0.8 * len(self.names))

    def test_all_doors_give_the_same(self):
        first, *others = self.played
        for name in self.names:
            wanted = self.played[first][name]
            for door in others:
                with self.subTest(scenario=name, door=door):
                    self.assertEqual(self.played[door][name], wanted)
        whole = {door: digest([played[name] for name in self.names]) for door, played in self.played.items()}
        self.assertEqual(len(set(whole.values())), 1, whole)
        print(f"# {len(self.names)} scenarios, {len(DOORS)} doors, digest {whole[first]}")


if __name__ == "__main__":
    tap.main()

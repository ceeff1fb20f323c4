"""Plays scenarios through the Python package: door.py [--async] FILE...; the form of a file: scenarios.py.
Prints the body of every event."""

import asyncio
import json
import os
import sys

import tau


class Play:
    def __init__(self, runtime):
        self.runtime, self.agent, self.session, self.memory = runtime, None, None, None
        self.tools, self.rules = {}, []

    def line(self, part):
        """A run to play, when the line asks for one."""
        if part[0] == "agent":
            self.agent = self.runtime.agent(config=json.loads(part[1]))
        elif part[0] == "tool":
            self.add_tool(part)
        elif part[0] == "run":
            self.session = self.session or self.agent.session()
            return part
        elif part[0] == "memory":
            self.memory = self.runtime.memory(**json.loads(part[1]))
        elif part[0] in ("perform", "search"):
            return part
        else:
            self.rules.append([*part, False])
        return None

    def ask(self, part):
        """The answer of the memories."""
        request = json.loads(part[1])
        if part[0] == "search":
            return self.memory.search(**request).document
        return self.memory.perform(**request)

    async def ask_async(self, part):
        request = json.loads(part[1])
        if part[0] == "search":
            return (await self.memory.aio.search(**request)).document
        return await self.memory.aio.perform(**request)

    def add_tool(self, part):
        _, name, effect, flags, parameters, by, answer, error, reason = part
        answer = json.loads(answer)
        self.tools[name] = {"content": answer, **({"is_error": True, "reason": reason} if error == "1" else {})}

        def function(**_):
            if error == "1":
                raise tau.ToolError(answer, reason=reason)
            return answer

        self.agent.add_tool(tau.Tool(
            name, name, json.loads(parameters), function if by == "function" else None, effect=effect,
            parallel="parallel" in flags, idempotent="idempotent" in flags, ask="ask" in flags))
        if by == "function":
            del self.tools[name]

    def start(self, part):
        for rule in self.rules:
            rule[3] = False
        options = json.loads(part[2] or "{}")
        return self.session.run(part[1] or None, deadline=int(part[3]) / 1000 or None, quiet=part[4] == "quiet", **options)

    def show(self, run, event):
        print(json.dumps(event.body, ensure_ascii=False))
        cancelled = False  # then its calls wait for no answer
        for rule in self.rules:
            if rule[1] == event.name and not (rule[0] == "once" and rule[3]):
                rule[3] = True
                cancelled = cancelled or rule[2] == "cancel"
                self.obey(run, rule[2], event)
        if not cancelled and event.name == "tool_call" and event.text in self.tools:
            run.submit({"op": "tool_result", "call_id": event.call_id, **self.tools[event.text]})

    @staticmethod
    def obey(run, op, event):
        if op == "cancel":
            run.cancel()
            return
        try:
            run.submit(json.loads(op.replace("$CALL", event.call_id)))
        except tau.TauError as error:
            print("!", error.reason)


def lines(path):
    with open(path, encoding="utf-8", newline="\n") as file:
        for line in file:
            yield line.rstrip("\n").split("\t")


def play(runtime, paths):
    for path in paths:
        print("==", path)
        scene = Play(runtime)
        for line in lines(path):
            if scene.line(line):
                if line[0] != "run":
                    try:
                        print("memory", json.dumps(scene.ask(line), ensure_ascii=False))
                    except tau.TauError as error:
                        print("!", error.reason)
                    continue
                run = scene.start(line)
                for event in run:
                    scene.show(run, event)


async def play_async(runtime, paths):
    for path in paths:
        print("==", path)
        scene = Play(runtime)
        for line in lines(path):
            if scene.line(line):
                if line[0] != "run":
                    try:
                        print("memory", json.dumps(await scene.ask_async(line), ensure_ascii=False))
                    except tau.TauError as error:
                        print("!", error.reason)
                    continue
                run = scene.start(line)
                async for event in run:
                    scene.show(run, event)


def main():
    paths = sys.argv[1:]
    sys.stdout.reconfigure(encoding="utf-8")
    config = os.environ.get("DOOR_CONFIG")
    with tau.Runtime(config=json.loads(config) if config else None) as runtime:
        if paths[0] == "--async":
            asyncio.run(play_async(runtime, paths[1:]))
        else:
            play(runtime, paths)


main()

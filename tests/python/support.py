"""What the tests share: scripted agents and a few tools."""

import asyncio
import unittest

import tau

PURE = {"effect": "pure"}


def turn(text=None, calls=(), **rest):
    """A turn of a script: text is a string or the list of its pieces; calls are (name, arguments)."""
    calls = [{"name": name, "arguments": arguments} for name, arguments in calls]
    return {**({"text": text} if text is not None else {}), **({"tool_calls": calls} if calls else {}), **rest}


def script(*turns, loop=False):
    return {"model": "scripted/demo", "script": {"turns": list(turns), "loop": loop}}


def agent_of(runtime, *turns, loop=False, config=None, **options):
    return runtime.agent(config={**script(*turns, loop=loop), **(config or {})}, **options)


def kinds(events):
    return [event.kind for event in events]


class SyncCase(unittest.TestCase):
    """A test with a runtime in memory."""

    def setUp(self):
        self.runtime = tau.Runtime()
        self.addCleanup(self.runtime.close)

    def agent(self, *turns, **options):
        return agent_of(self.runtime, *turns, **options)


class AsyncCase(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        self.runtime = tau.Runtime()

    async def asyncTearDown(self):
        await asyncio.to_thread(self.runtime.close)

    def agent(self, *turns, **options):
        return agent_of(self.runtime, *turns, **options)


async def collect(run):
    return [event async for event in run]

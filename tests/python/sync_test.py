"""Runs without asyncio: iteration, results, threads, Ctrl-C."""

import asyncio
import contextvars
import dataclasses
import os
import signal
import subprocess
import sys
import threading
import unittest

import tap
import tau
from support import PURE, SyncCase, agent_of, kinds, turn
from tau import EventKind as K


def add(a: int, b: int) -> int:
    """Adds two numbers."""
    return a + b


class Sync(SyncCase):
    def test_iteration_streams_and_answers_tools(self):
        agent = self.agent(turn("Let me see.", calls=[("add", {"a": 2, "b": 3})]), turn(["It is ", "5."]))
        agent.tool(add, **PURE)
        events = list(agent.session().run("2 + 3?"))
        self.assertEqual([e.text for e in events if e.kind == K.TOOL_RESULT], ["5"])
        self.assertEqual(events[-1].outcome.text, "It is 5.")

    def test_result(self):
        agent = self.agent(turn(calls=[("later", {})]), turn("done"))

        @agent.tool(**PURE)
        async def later() -> str:
            await asyncio.sleep(0)
            return "from a coroutine"
        self.assertEqual(agent.session().run("go").result().text, "done")

    def test_result_timeout_leaves_the_run_going(self):
        run = self.agent(turn("a", hang=True)).session().run("go")
        with self.assertRaises(tau.DeadlineExceededError) as caught:
            run.result(timeout=0.05)
        self.assertEqual(caught.exception.reason, "wait_timeout")
        self.assertFalse(run.done)
        run.cancel()
        with self.assertRaises(tau.RunCancelledError):
            run.result()

    def test_leaving_the_loop_cancels_and_frees_the_session(self):
        session = self.agent(turn(["a", "b"], hang=True), turn("again")).session()
        run = session.run("go")
        for event in run:
            if event.kind == K.TEXT:
                break
        self.assertEqual(run.outcome.status, "cancelled")
        self.assertEqual(session.run("more").result().text, "again")

    def test_iterating_after_the_end_gives_what_was_unread(self):
        run = self.agent(turn("a")).session().run("go")
        self.assertEqual(kinds(run)[-1], K.RUN_DONE)
        self.assertEqual(list(run), [])
        self.assertEqual(run.result().text, "a")

    def test_the_two_ways_do_not_mix(self):
        run = self.agent(turn("a")).session().run("go")
        with self.assertRaisesRegex(RuntimeError, "outside asyncio"):
            run.__aiter__()
        run.result()

        async def inside():
            other = self.agent(turn("a")).session().run("go")
            with self.assertRaisesRegex(RuntimeError, "async for"):
                list(other)
            with self.assertRaisesRegex(RuntimeError, "async for"):
                other.result()
            return await other
        self.assertTrue(asyncio.run(inside()).ok)

    def test_steering_from_another_thread(self):
        agent = self.agent(turn("a", hang=True), turn("b"))
        run = agent.session().run("go")
        seen = []
        for event in run:
            seen.append(event.kind)
            if event.kind == K.TEXT:
                thread = threading.Thread(target=run.cancel)
                thread.start()
                thread.join()
        self.assertEqual(run.outcome.status, "cancelled")

    def test_runs_on_many_threads(self):
        agent = self.agent(turn(calls=[("add", {"a": 1, "b": 2})]), turn("done"), loop=True)
        agent.tool(add, **PURE)
        texts = []

        def work():
            for _ in range(5):
                texts.append(agent.session().run("go").result(60).text)
        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(texts, ["done"] * 40)

    def test_two_threads_may_wait_for_one_run(self):
        run = self.agent(turn(["a"] * 50, delay_ms=1)).session().run("go")
        results = []
        threads = [threading.Thread(target=lambda: results.append(run.result(60).status)) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(results, ["done", "done"])

    def test_quiet_run_gives_only_its_end(self):
        agent = self.agent(turn(["a", "b"]))
        self.assertEqual(kinds(agent.session().run("go", quiet=True)), [K.RUN_DONE])

    def test_a_list_of_tools_is_the_whole_offer(self):
        runtime = tau.Runtime(workspace=os.getcwd())
        self.addCleanup(runtime.close)

        def offered(**options):
            return {tool["name"] for tool in agent_of(runtime, turn("a"), **options).describe()["tools"]}
        self.assertLess({"edit", "read"}, offered())
        self.assertEqual(offered(tools=[add]), {"add"})
        self.assertEqual(offered(tools=[add, "read"]), {"add", "read"})
        self.assertEqual(offered(tools=()), set())
        with self.assertRaisesRegex(TypeError, "expected a list"):
            offered(tools="read")

    def test_what_is_no_text_is_refused(self):
        session = self.agent(turn("a")).session()
        for prompt in (3, {"a": 1}, ["a"]):
            with self.subTest(prompt=prompt), self.assertRaisesRegex(TypeError, "expected text as str or bytes, got"):
                session.run(prompt)
        with self.assertRaisesRegex(TypeError, "a tool is a function, a Tool or the name"):
            self.agent(turn("a"), tools=[3])
        self.assertEqual(session.run(b"bytes").result().text, "a")

    def test_top_level_run_inside_asyncio_starts_nothing(self):
        async def inside():
            tau.run("go", model="scripted/demo", environment=False, script={"turns": [turn("a")]})
        with self.assertRaisesRegex(RuntimeError, r"use Runtime, and await session.run\(\)"):
            asyncio.run(inside())

    def test_top_level_run(self):
        @tau.tool(**PURE)
        def double(n: int) -> int:
            return 2 * n
        outcome = tau.run("go", model="scripted/demo", tools=[double], environment=False,
                          script={"turns": [turn(calls=[("double", {"n": 4})]), turn("eight")]})
        self.assertEqual(outcome.text, "eight")
        with self.assertRaises(tau.UnavailableError):
            tau.run("go", model="scripted/demo", environment=False,
                    script={"turns": [turn(error={"code": "unavailable"})]})


class Contexts(SyncCase):
    def test_tools_and_callbacks_see_the_context_of_the_start(self):
        user = contextvars.ContextVar("user")
        agent = self.agent(turn(calls=[("who", {}), ("who_else", {})]), turn("done"), policy={"ask": ["who"]})
        asked = []

        @agent.tool(**PURE)
        def who() -> str:
            return user.get()

        @agent.tool(**PURE)
        async def who_else() -> str:
            return user.get()

        def allow(event):
            asked.append(user.get())
            return True

        def start():
            user.set("of the start")
            return agent.session().run("go", on_approval=allow)
        events = list(contextvars.copy_context().run(start))
        self.assertEqual([e.text for e in events if e.kind == K.TOOL_RESULT], ["of the start"] * 2)
        self.assertEqual(asked, ["of the start"])


class Structured(SyncCase):
    def test_dataclass_comes_back(self):
        @dataclasses.dataclass
        class City:
            name: str
            people: int
        outcome = self.agent(turn('{"name": "Oslo", "people": 700000}')).session().run(
            "largest city?", response_schema=City).result()
        self.assertEqual(outcome.output, City("Oslo", 700000))

    def test_plain_schema_gives_plain_json(self):
        schema = {"type": "object", "required": ["ok"], "properties": {"ok": {"type": "boolean"}}}
        agent = self.agent(turn('{"ok": true}'), response_schema=schema)
        self.assertEqual(agent.session().run("go").result().output, {"ok": True})

    def test_class_that_refuses_the_answer_raises_its_own_error(self):
        @dataclasses.dataclass
        class Even:
            n: int

            def __post_init__(self):
                if self.n % 2:
                    raise ArithmeticError("odd")
        run = self.agent(turn('{"n": 3}')).session().run("go", response_schema=Even)
        self.assertEqual(kinds(run)[-1], K.RUN_DONE)
        with self.assertRaisesRegex(ArithmeticError, "odd"):
            run.result()
        self.assertEqual(run.outcome.output, {"n": 3})

    def test_answer_that_never_fits_fails_the_run(self):
        agent = self.agent(turn("no JSON"), turn("still none"), turn("sorry"), response_schema=list[int])
        with self.assertRaises(tau.FailedPreconditionError) as caught:
            agent.session().run("go").result()
        self.assertEqual(caught.exception.reason, "structured_output")


_INTERRUPTED = """
import os, signal, sys, threading, tau
with tau.Runtime() as runtime:
    agent = runtime.agent(config={"model": "scripted/demo", "script": {"turns": [{"text": "a", "hang": True}]}})
    run = agent.session().run("go")
    try:
        for event in run:
            if event.kind == tau.EventKind.TEXT:
                print("waiting", flush=True)
    except KeyboardInterrupt:
        print("interrupted", run.outcome.status, flush=True)
"""


class Interrupts(unittest.TestCase):
    def test_ctrl_c_reaches_a_waiting_loop_and_cancels_the_run(self):
        child = subprocess.Popen([sys.executable, "-c", _INTERRUPTED], stdout=subprocess.PIPE, text=True)
        with child:
            self.assertEqual(child.stdout.readline(), "waiting\n")
            os.kill(child.pid, signal.SIGINT)
            self.assertEqual(child.stdout.readline(), "interrupted cancelled\n")
        self.assertEqual(child.returncode, 0)


if __name__ == "__main__":
    tap.main()

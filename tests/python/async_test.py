"""Runs inside asyncio: streaming, tools, many at once, cancellation."""

import asyncio
import concurrent.futures
import contextvars
import gc
import selectors
import time
import unittest
import weakref

import tap
import tau
from support import PURE, AsyncCase, agent_of, collect, kinds, turn
from tau import EventKind as K


def add(a: int, b: int) -> int:
    """Adds two numbers."""
    return a + b


class Streaming(AsyncCase):
    async def test_pieces_arrive_in_order_and_the_outcome_is_last(self):
        agent = self.agent(turn(["Hel", "lo", "!"], usage={"input": 3, "output": 2}))
        events = await collect(agent.session().run("hi"))
        self.assertEqual("".join(e.text for e in events if e.kind == K.TEXT), "Hello!")
        self.assertEqual(events[0].kind, K.RUN_STARTED)
        self.assertEqual(kinds(events).count(K.RUN_DONE), 1)
        done = events[-1]
        self.assertEqual((done.kind, done.outcome.text, done.outcome.ok), (K.RUN_DONE, "Hello!", True))
        self.assertEqual((done.outcome.usage.input_tokens, done.outcome.usage.output_tokens), (3, 2))
        numbers = [e.first_seq for e in events]
        self.assertEqual(numbers, sorted(set(numbers)))
        self.assertEqual({e.run_id for e in events}, {done.outcome.run_id})

    async def test_bodies_stay_whatever_comes_after_their_events(self):
        agent = self.agent(turn(["a", "b"], calls=[("add", {"a": 2, "b": 3})]), turn("done"), loop=True)
        agent.tool(add, **PURE)
        batches = await asyncio.gather(*(collect(agent.session().run(f"number {i}")) for i in range(5)))
        await asyncio.to_thread(self.runtime.close)
        for events in batches:
            self.assertEqual([e.body["event"] for e in events], [e.name for e in events])
            self.assertEqual({e.body["run"] for e in events}, {events[-1].outcome.run_id})
            self.assertEqual([e.body["turn"] for e in events if e.kind == K.TURN_STARTED], [1, 2])

    async def test_bodies_may_be_read_on_any_thread(self):
        run = self.agent(turn(["a"] * 200, delay_ms=1), turn("done")).session().run("go")
        names = []
        async for event in run:
            names.append(asyncio.create_task(asyncio.to_thread(lambda event=event: event.body["event"] == event.name)))
        self.assertEqual(set(await asyncio.gather(*names)), {True})

    async def test_await_gives_the_outcome(self):
        outcome = await self.agent(turn("fine")).session().run("how are you?")
        self.assertEqual((outcome.text, outcome.status, outcome.code), ("fine", "done", "ok"))

    async def test_failed_run_raises_and_carries_its_outcome(self):
        agent = self.agent(turn(error={"code": "permission_denied", "reason": "no_way", "message": "not today"}))
        with self.assertRaises(tau.PermissionDeniedError) as caught:
            await agent.session().run("please")
        self.assertEqual((caught.exception.reason, caught.exception.outcome.status), ("no_way", "failed"))

    async def test_iterating_a_failed_run_ends_without_raising(self):
        agent = self.agent(turn(error={"code": "unavailable", "reason": "down"}))
        events = await collect(agent.session().run("please"))
        self.assertEqual((events[-1].outcome.code, events[-1].outcome.reason), ("unavailable", "down"))

    async def test_a_message_op_is_answered_by_the_same_run(self):
        agent = self.agent(turn(["a"] * 50, delay_ms=1), turn("second"))
        run = agent.session().run("go")
        events, asked = [], False
        async for event in run:
            events.append(event)
            if event.kind == K.TEXT and not asked:
                asked = True
                run.message("and this?", id="op-1")
        self.assertIn("op-1", [e.body.get("id") for e in events if e.kind == K.OP_ACCEPTED])
        self.assertEqual((run.outcome.text, run.outcome.turns), ("second", 2))

    async def test_steering_is_said_before_the_next_call(self):
        agent = self.agent(turn(calls=[("add", {"a": 1, "b": 1})]), turn("steered"))
        session = agent.session()
        agent.tool(add, effect="pure", ask=True)
        run = session.run("go")
        async for event in run:
            if event.kind == K.APPROVAL:
                run.steer("never mind the sum")  # which also settles the call: it is skipped
        self.assertIn("never mind the sum", str(session.export()["messages"]))
        self.assertEqual(run.outcome.text, "steered")

    async def test_rejected_op_says_why(self):
        run = self.agent(turn("x", hang=True)).session().run("go")
        async for event in run:
            if event.kind == K.TURN_STARTED:
                run.tool_result("no-such-call", "x", id="op-9")
            if event.kind == K.OP_REJECTED:
                self.assertEqual(event.body["id"], "op-9")
                self.assertTrue(event.body["reason"])
                break
        else:
            self.fail("the op was not rejected")

    async def test_bad_op_is_an_exception(self):
        run = self.agent(turn("x", hang=True)).session().run("go")
        with self.assertRaisesRegex(tau.InvalidArgumentError, "dance"):
            run.submit({"op": "dance"})
        run.cancel()
        await collect(run)


class Tools(AsyncCase):
    async def ask(self, function, arguments, **manifest):
        """The result of one call as the model sees it: (content, is_error, reason)."""
        agent = self.agent(turn(calls=[(function.__name__, arguments)]), turn("done"))
        agent.tool(function, **{**PURE, **manifest})
        events = await collect(agent.session().run("go"))
        result, = [e for e in events if e.kind == K.TOOL_RESULT]
        self.assertTrue(events[-1].outcome.ok, events[-1].outcome)
        return result.text, result.body["is_error"], result.body.get("reason")

    async def test_plain_function(self):
        self.assertEqual(await self.ask(add, {"a": 2, "b": 3}), ("5", False, None))

    async def test_coroutine_function_runs_on_the_loop(self):
        loop = asyncio.get_running_loop()

        async def where() -> str:
            await asyncio.sleep(0)
            return str(asyncio.get_running_loop() is loop)
        self.assertEqual(await self.ask(where, {}), ("True", False, None))

    async def test_plain_function_does_not_block_the_loop(self):
        seen = asyncio.Event()
        loop = asyncio.get_running_loop()

        def waits() -> str:
            asyncio.run_coroutine_threadsafe(set_event(), loop).result(10)
            return "set"

        async def set_event():
            seen.set()
        self.assertEqual((await self.ask(waits, {}))[0], "set")

    async def test_exception_becomes_an_error_result(self):
        def breaks() -> str:
            raise KeyError("lost")
        self.assertEqual(await self.ask(breaks, {}), ("KeyError: 'lost'", True, "tool_failed"))

    async def test_exception_without_a_text_becomes_an_error_result(self):
        class Odd(Exception):
            def __str__(self):
                raise RuntimeError("no text")

        def breaks() -> str:
            raise Odd
        self.assertEqual(await self.ask(breaks, {}), ("Odd", True, "tool_failed"))

    async def test_number_that_is_not_json_is_an_error_result(self):
        def infinite() -> float:
            return float("inf")
        content, is_error, _ = await self.ask(infinite, {})
        self.assertTrue(is_error, content)

    async def test_tool_error_has_its_own_reason(self):
        async def refuses() -> str:
            raise tau.ToolError("closed on Sundays", "closed")
        self.assertEqual(await self.ask(refuses, {}), ("closed on Sundays", True, "closed"))

    async def test_result_that_is_not_text_or_json_is_an_error_result(self):
        def surrogate() -> str:
            return "\ud800"
        content, is_error, _ = await self.ask(surrogate, {})
        self.assertTrue(is_error, content)

    async def test_integers_arrive_as_integers_however_they_are_written(self):
        def kind(n: int, ns: list[int], maybe: int | None = None) -> str:
            return repr((n, ns, maybe))
        content, is_error, _ = await self.ask(kind, {"n": 2.0, "ns": [1.0, 3], "maybe": 4.0})
        self.assertEqual((content, is_error), ("(2, [1, 3], 4)", False))

    async def test_arguments_are_checked_before_the_function_runs(self):
        ran = []

        def strict(n: int) -> str:
            ran.append(n)
            return "ran"
        content, is_error, _ = await self.ask(strict, {"n": "many"})
        self.assertEqual((is_error, ran), (True, []), content)

    async def test_late_tool_is_cut_off_and_its_coroutine_cancelled(self):
        begun, stopped, limit = asyncio.Event(), asyncio.Event(), 0.05

        async def sleeps() -> str:
            begun.set()
            try:
                await asyncio.sleep(3600)
            finally:
                stopped.set()
        while not begun.is_set():  # on a busy machine the limit passes before the coroutine has its first turn
            _, is_error, reason = await self.ask(sleeps, {}, timeout=limit)
            self.assertTrue(is_error, reason)
            limit *= 4
        await asyncio.wait_for(stopped.wait(), 10)

    async def test_progress_and_the_current_call(self):
        agent = self.agent(turn(calls=[("slow", {})]), turn("done"))

        @agent.tool(effect="pure")
        async def slow() -> str:
            call = tau.current_call()
            call.progress("half way")
            return f"{call.name} {call.cancelled}"
        events = await collect(agent.session().run("go"))
        self.assertEqual([e.text for e in events if e.kind == K.TOOL_PROGRESS], ["half way"])
        self.assertEqual([e.text for e in events if e.kind == K.TOOL_RESULT], ["slow False"])
        with self.assertRaises(LookupError):
            tau.current_call()

    async def test_tool_without_a_function_is_answered_from_its_event(self):
        agent = self.agent(turn(calls=[("weather", {"city": "Oslo"})]), turn("done"))
        agent.add_tool(tau.Tool("weather", "Tells the weather.", {"type": "object"}, effect="pure"))
        run = agent.session().run("go")
        results = []
        async for event in run:
            if event.kind == K.TOOL_CALL:
                self.assertEqual((event.text, event.arguments), ("weather", {"city": "Oslo"}))
                run.tool_result(event, {"sky": "grey"})
            results += [event.text] if event.kind == K.TOOL_RESULT else []
        self.assertEqual(results, ['{"sky":"grey"}'])

    async def test_several_calls_of_one_turn_get_a_result_each(self):
        agent = self.agent(turn(calls=[("add", {"a": i, "b": i}) for i in range(5)]), turn("done"))
        agent.tool(add, effect="pure", parallel=True)
        events = await collect(agent.session().run("go"))
        self.assertEqual([e.text for e in events if e.kind == K.TOOL_RESULT], ["0", "2", "4", "6", "8"])

    async def test_a_tool_that_was_added_later_is_not_in_earlier_runs(self):
        agent = self.agent(turn("a"), turn(calls=[("add", {"a": 1, "b": 2})]), turn("b"))
        with self.assertRaises(tau.AlreadyExistsError):
            agent.tool(add, **PURE)
            agent.tool(add, **PURE)
        self.assertEqual([t["name"] for t in agent.describe()["tools"]], ["add"])


class Cancelling(AsyncCase):
    async def test_leaving_the_loop_cancels_and_the_session_goes_on(self):
        session = self.agent(turn(["a", "b"], hang=True), turn("again")).session()
        run = session.run("go")
        async for event in run:
            if event.kind == K.TEXT:
                break
        outcome = await session.run("once more")
        self.assertTrue(outcome.ok)
        self.assertEqual(run.outcome.status, "cancelled")

    async def test_cancelling_the_task_that_iterates(self):
        run = self.agent(turn("a", hang=True)).session().run("go")
        task = asyncio.create_task(collect(run))
        while not (run._iterators or run.done):
            await asyncio.sleep(0)
        task.cancel()
        with self.assertRaises(asyncio.CancelledError):
            await task
        with self.assertRaises(tau.RunCancelledError):
            await run

    async def test_cancelling_a_task_that_works_between_two_events(self):
        run = self.agent(turn("a", hang=True)).session().run("go")
        working = asyncio.Event()

        async def work():
            async for _ in run:
                working.set()
                await asyncio.sleep(3600)
        task = asyncio.create_task(work())
        await working.wait()
        task.cancel()
        with self.assertRaises(asyncio.CancelledError):
            await task
        with self.assertRaises(tau.RunCancelledError):
            await run

    async def test_cancelling_the_task_of_a_tool_is_an_error_result(self):
        agent = self.agent(turn(calls=[("gives_up", {})]), turn("done"))

        @agent.tool(**PURE)
        async def gives_up() -> str:
            asyncio.current_task().cancel()
            await asyncio.sleep(3600)
            return "never"
        events = await collect(agent.session().run("go"))
        result, = [e for e in events if e.kind == K.TOOL_RESULT]
        self.assertEqual((result.body["is_error"], result.body["reason"], events[-1].outcome.text),
                         (True, "cancelled", "done"))

    async def test_cancelling_the_task_that_awaits(self):
        run = self.agent(turn("a", hang=True)).session().run("go")
        with self.assertRaises(asyncio.TimeoutError):
            await asyncio.wait_for(run, 0.05)
        with self.assertRaises(tau.RunCancelledError):
            await run

    async def test_cancel_is_idempotent_and_harmless_afterwards(self):
        run = self.agent(turn("a", hang=True)).session().run("go")
        run.cancel()
        run.cancel()
        with self.assertRaises(tau.RunCancelledError):
            await run
        run.cancel()
        self.assertEqual(run.outcome.status, "cancelled")

    async def test_deadline_ends_the_run(self):
        run = self.agent(turn("a", hang=True)).session().run("go", deadline=0.05)
        with self.assertRaises(tau.DeadlineExceededError):
            await run

    async def test_busy_session_says_so(self):
        session = self.agent(turn("a", hang=True)).session()
        run = session.run("go")
        with self.assertRaises(tau.UnavailableError) as caught:
            session.run("me too")
        self.assertEqual((caught.exception.reason, caught.exception.retryable), ("session_busy", True))
        run.cancel()
        await collect(run)

    async def test_stopping_the_runtime_ends_its_runs(self):
        run = self.agent(turn("a", hang=True)).session().run("go")
        waiting = asyncio.create_task(collect(run))
        await asyncio.to_thread(self.runtime.stop, 10)
        events = await waiting
        self.assertEqual(events[-1].outcome.status, "cancelled")


class Contexts(AsyncCase):
    """The host's functions see the context variables of whoever started the run."""

    USER = contextvars.ContextVar("user")

    async def test_each_run_has_those_of_its_start(self):
        agent = self.agent(turn(calls=[("who", {}), ("who_else", {})]), turn("done"), loop=True,
                           policy={"ask": ["who"]})
        asked = []

        @agent.tool(**PURE)
        async def who() -> str:
            await asyncio.sleep(0)
            return self.USER.get()

        @agent.tool(**PURE)
        def who_else() -> str:
            return self.USER.get()

        async def allow(event):
            asked.append(self.USER.get())
            return True

        async def serve(user):
            self.USER.set(user)
            events = await collect(agent.session().run("go", on_approval=allow))
            return [e.text for e in events if e.kind == K.TOOL_RESULT]
        users = [f"user {i}" for i in range(20)]
        found = await asyncio.gather(*(asyncio.create_task(serve(user)) for user in users))
        self.assertEqual(found, [[user, user] for user in users])
        self.assertEqual(sorted(asked), sorted(users))

    async def test_what_a_tool_sets_is_its_own(self):
        agent = self.agent(turn(calls=[("sets", {})]), turn(calls=[("sets", {})]), turn("done"))
        seen = []

        @agent.tool(**PURE)
        async def sets() -> str:
            seen.append(self.USER.get())
            self.USER.set("of the tool")
            return ""
        self.USER.set("of the host")
        await agent.session().run("go")
        self.assertEqual((seen, self.USER.get()), (["of the host", "of the host"], "of the host"))


class Many(AsyncCase):
    async def test_a_hundred_runs_share_one_descriptor(self):
        agent = self.agent(turn(["a", "b"], calls=[("add", {"a": 2, "b": 3})]), turn("done"), loop=True)
        agent.tool(add, **PURE)
        loop = asyncio.get_running_loop()
        runs = [agent.session().run(f"number {i}") for i in range(100)]
        watched = [key for key in loop._selector.get_map().values() if key.data[0] is not None]
        mine = [key for key in watched if getattr(key.data[0]._callback, "__name__", "") == "take"]
        self.assertEqual(len(mine), 1)
        outcomes = await asyncio.gather(*runs)
        self.assertEqual({o.text for o in outcomes}, {"done"})
        self.assertEqual(len({o.run_id for o in outcomes}), 100)
        self.assertFalse([key for key in loop._selector.get_map().values()
                          if getattr(key.data[0] and key.data[0]._callback, "__name__", "") == "take"])

    async def test_slow_reader_keeps_all_text(self):
        pieces = [f"{i} " for i in range(2000)]
        agent = self.agent(turn(pieces), turn("done"))
        run = agent.session().run("go")
        while not run.done:
            await asyncio.sleep(0.001)
        events = await collect(run)
        self.assertEqual("".join(e.text for e in events if e.kind == K.TEXT), "".join(pieces))
        self.assertLess(len(events), 400)


class Loops(unittest.TestCase):
    """Who drives the library's loop: asyncio's thread by default, else a thread of the library."""

    def test_asyncio_needs_no_other_thread(self):
        with tau.Runtime() as runtime:
            agent = agent_of(runtime, turn(["a"] * 3, delay_ms=1))

            async def blocked_for_long():
                run = agent.session().run("go")
                time.sleep(0.05)
                before = run.outcome
                return before, (await run).text
            self.assertEqual(asyncio.run(blocked_for_long()), (None, "aaa"))

    def test_work_is_done_when_it_is_given(self):
        """A run begins, and goes on after a tool, before asyncio looks at descriptors again."""
        class Counting(selectors.DefaultSelector):
            rounds = 0

            def select(self, timeout=None):
                self.rounds += 1
                return super().select(timeout)

        async def tool(a: int, b: int) -> int:
            """Adds two numbers."""
            return a + b

        async def rounds_of_a_run(agent, selector):
            before = selector.rounds
            events = await collect(agent.session().run("go"))
            return kinds(events).count(K.TOOL_RESULT), selector.rounds - before
        with tau.Runtime() as runtime:
            agent = agent_of(runtime, turn(calls=[("tool", {"a": 1, "b": 2})]), turn("done"), loop=True)
            agent.tool(tool, **PURE)
            selector = Counting()
            loop = asyncio.SelectorEventLoop(selector)
            try:
                loop.run_until_complete(rounds_of_a_run(agent, selector))  # the first run also begins to watch
                self.assertEqual(loop.run_until_complete(rounds_of_a_run(agent, selector)), (1, 2))
            finally:
                loop.close()

    def test_more_events_than_fit_into_one_batch(self):
        with tau.Runtime() as runtime:
            agent = agent_of(runtime, *(turn(calls=[("add", {"a": i, "b": j}) for j in range(40)]) for i in range(5)),
                             turn("done"))
            agent.tool(add, **PURE)

            async def all_of():
                return await collect(agent.session().run("go"))
            self.assertEqual(kinds(asyncio.run(all_of())).count(K.TOOL_RESULT), 200)

    def test_two_loops_at_once(self):
        with tau.Runtime() as runtime:
            agent = agent_of(runtime, turn(["a", "b"], delay_ms=5), loop=True)

            async def several():
                return [(await agent.session().run("go")).text for _ in range(5)]
            with concurrent.futures.ThreadPoolExecutor() as pool:
                texts = list(pool.map(lambda _: asyncio.run(several()), range(4)))
            self.assertEqual(texts, [["ab"] * 5] * 4)

    def test_synchronous_programs_beside_it(self):
        with tau.Runtime() as runtime:
            agent = agent_of(runtime, turn("a"), loop=True)

            async def blocks():
                run = agent.session().run("go")
                other = await asyncio.to_thread(lambda: agent.session().run("go").result(10).text)
                with concurrent.futures.ThreadPoolExecutor() as pool:  # asyncio stands still meanwhile
                    third = pool.submit(lambda: agent.session().run("go").result(10).text).result()
                return [(await run).text, other, third]
            self.assertEqual(asyncio.run(blocks()), ["a"] * 3)

    def test_stop_in_a_coroutine(self):
        with tau.Runtime() as runtime:
            agent = agent_of(runtime, turn("a", hang=True))

            async def stops():
                run = agent.session().run("go")
                await asyncio.sleep(0.01)
                runtime.stop(10)
                return (await asyncio.wait_for(collect(run), 10))[-1].outcome.reason
            self.assertEqual(asyncio.run(stops()), "runtime_stopped")

    def test_stop_on_another_thread(self):
        with tau.Runtime() as runtime:
            agent = agent_of(runtime, turn("a", hang=True))

            async def stops():
                run = agent.session().run("go")
                await asyncio.sleep(0.01)
                stopping = asyncio.create_task(asyncio.to_thread(runtime.stop, 10))
                events = await asyncio.wait_for(collect(run), 10)
                await stopping
                return events[-1].outcome.reason
            self.assertEqual(asyncio.run(stops()), "runtime_stopped")

    def test_a_session_is_free_after_its_loop_is_gone(self):
        with tau.Runtime() as runtime:
            agent = agent_of(runtime, turn("a", hang=True), turn("b"), loop=True)
            session = agent.session()

            async def leaves():
                session.run("go")
                await asyncio.sleep(0.01)
            asyncio.run(leaves())
            gc.collect()
            limit = time.monotonic() + 10
            while True:
                try:
                    self.assertEqual(session.run("go").result(10).text, "b")
                    return
                except tau.UnavailableError:
                    self.assertLess(time.monotonic(), limit)

    def test_a_closed_loop_gives_its_runs_up(self):
        with tau.Runtime() as runtime:
            agent = agent_of(runtime, turn("a", hang=True))
            runs = []

            async def leaves():
                runs.append(weakref.ref(agent.session().run("go")))
            asyncio.run(leaves())
            gc.collect()
            self.assertIsNone(runs[0]())

    def test_one_runtime_serves_loops_one_after_the_other(self):
        with tau.Runtime() as runtime:
            agent = agent_of(runtime, turn("a"), loop=True)

            async def once():
                return (await agent.session().run("go")).text
            self.assertEqual([asyncio.run(once()) for _ in range(3)], ["a", "a", "a"])

    def test_several_library_loops(self):
        async def all_of(runtime):
            agent = agent_of(runtime, turn("a"), loop=True)
            return await asyncio.gather(*(agent.session().run("go") for _ in range(20)))
        with tau.Runtime(loops=3) as runtime:
            self.assertEqual({o.text for o in asyncio.run(all_of(runtime))}, {"a"})


if __name__ == "__main__":
    tap.main()

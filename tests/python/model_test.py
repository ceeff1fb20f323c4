"""Models that are Python functions: streaming, tools, failures, cancellation, routes; and embeddings that cannot be."""

import asyncio
import threading
import time
import unittest

import tap
import tau
from support import PURE, AsyncCase, SyncCase, collect
from tau import EventKind as K

FREE = {"price": {"input": 0, "output": 0}, "max_output_tokens": 100}


class Answers(AsyncCase):
    async def test_an_async_generator_answers(self):
        seen = []

        @self.runtime.model("host/echo", **FREE)
        async def echo(call):
            seen.append(call)
            yield "You said: "
            await asyncio.sleep(0)
            yield call.request["messages"][-1]["parts"][0]["text"]
            yield {"event": "usage", "usage": {"input": 4, "output": 2}}

        events = await collect(self.runtime.agent("host/echo").session().run("hi"))
        done = events[-1].outcome
        self.assertEqual((done.text, done.usage.input_tokens), ("You said: hi", 4))
        self.assertEqual("".join(e.text for e in events if e.kind == K.TEXT), "You said: hi")
        self.assertEqual((seen[0].model, seen[0].request["model"], seen[0].path), ("host/echo", "echo", None))
        over = [e for e in events if e.kind == K.MODEL_CALL_OVER]
        self.assertEqual([e.body["answered"] for e in over], [True])
        self.assertFalse(any(seen[0].cancelled is False for _ in over))

    async def test_it_calls_tools_and_is_asked_again(self):
        async def calls(call):
            if call.request["messages"][-1]["role"] == "tool":
                yield "It is 5."
            else:
                yield {"event": "tool_call", "id": "c1", "name": "add", "arguments": {"a": 2, "b": 3}}

        self.runtime.add_model("host/calls", calls)
        agent = self.runtime.agent("host/calls")

        @agent.tool(**PURE)
        def add(a: int, b: int) -> int:
            return a + b

        self.assertEqual((await agent.session().run("2 + 3?")).text, "It is 5.")

    async def test_every_kind_of_function_answers(self):
        def generator(call):
            yield "a"
            yield "b"

        async def coroutine(call):
            return "ab"

        kinds = {"generator": generator, "coroutine": coroutine, "plain": lambda call: "ab", "list": lambda call: ["a", "b"],
                 "bytes": lambda call: b'{"event":"text","text":"ab"}\n'}
        for name, function in kinds.items():
            self.runtime.add_model(f"host/{name}", function)
            self.assertEqual((await self.runtime.agent(f"host/{name}").session().run("go")).text, "ab", name)

    async def test_documents_and_dialects(self):
        self.runtime.add_model("host/whole", lambda call: "whole", stream=False)
        self.assertEqual((await self.runtime.agent("host/whole").session().run("go")).text, "whole")

        def raw(call):
            self.assertEqual((call.request, call.path), (None, "/chat/completions"))
            self.assertIn('"messages"', call.body)
            yield 'data: {"choices":[{"index":0,"delta":{"content":"r'
            yield b'aw"},"finish_reason":"stop"}]}\n\n'
            yield "data: [DONE]\n\n"

        self.runtime.add_model("host/raw", raw, dialect="openai_chat")
        self.assertEqual((await self.runtime.agent("host/raw").session().run("go")).text, "raw")

    async def test_what_it_raises_is_the_failure(self):
        async def broken(call):
            yield "part"
            raise KeyError("lost")

        async def typed(call):
            raise tau.PermissionDeniedError("not you", reason="no_licence")
            yield

        self.runtime.add_model("host/broken", broken)
        self.runtime.add_model("host/typed", typed)
        with self.assertRaises(tau.TauError) as caught:
            await self.runtime.agent("host/broken").session().run("go")
        self.assertEqual(caught.exception.reason, "model_failed")
        self.assertIn("KeyError", str(caught.exception))
        with self.assertRaises(tau.PermissionDeniedError) as caught:
            await self.runtime.agent("host/typed").session().run("go")
        self.assertEqual(caught.exception.reason, "no_licence")

    async def test_what_is_no_piece_is_a_failure(self):
        self.runtime.add_model("host/odd", lambda call: [7], retry={"max_attempts": 1})
        with self.assertRaises(tau.TauError):
            await self.runtime.agent("host/odd").session().run("go")

    async def test_cancelling_the_run_closes_the_generator(self):
        closed = asyncio.Event()
        begun = asyncio.Event()

        async def endless(call):
            try:
                begun.set()
                while True:
                    yield "word "
                    await asyncio.sleep(0.01)
            finally:
                closed.set()

        self.runtime.add_model("host/endless", endless)
        run = self.runtime.agent("host/endless").session().run("go")
        task = asyncio.ensure_future(collect(run))
        await asyncio.wait_for(begun.wait(), 10)
        run.cancel()
        await asyncio.wait_for(closed.wait(), 10)
        self.assertEqual((await task)[-1].outcome.status, "cancelled")

    async def test_a_deadline_closes_it_while_the_run_goes_on(self):
        closed = asyncio.Event()

        async def stuck(call):
            try:
                await asyncio.sleep(60)
                yield "never"
            finally:
                closed.set()

        runtime = tau.Runtime(config={"routes": {"r": {"upstreams": ["host/stuck", "host/fine"]}}})
        runtime.add_model("host/stuck", stuck, deadlines={"first_byte_ms": 50})
        runtime.add_model("host/fine", lambda call: "fine")
        self.assertEqual((await runtime.agent("route/r").session().run("go")).text, "fine")
        await asyncio.wait_for(closed.wait(), 10)
        await asyncio.to_thread(runtime.close)

    async def test_a_great_answer_has_its_room_and_its_bound(self):
        async def long(call):
            for _ in range(300):
                yield "x" * 10_000

        async def endless(call):
            while True:
                yield "x" * 1_000_000

        self.runtime.add_model("host/long", long)
        self.assertEqual(len((await self.runtime.agent("host/long").session().run("go")).text), 3_000_000)
        self.runtime.add_model("host/endless", endless)
        with self.assertRaises(tau.ResourceExhaustedError) as caught:
            await self.runtime.agent("host/endless").session().run("go")
        self.assertEqual(caught.exception.reason, "response_too_large")

    async def test_the_reader_of_the_events_may_answer(self):
        self.runtime.add_model("host/by_hand")
        run = self.runtime.agent("host/by_hand").session().run("go")
        async for event in run:
            if event.kind == K.MODEL_CALL:
                run.model_event(event, {"event": "text", "text": "by hand"})
                run.model_event(event, {"event": "finish"})
                call_id = event.call_id
        self.assertEqual(run.outcome.text, "by hand")
        with self.assertRaises(tau.FailedPreconditionError):
            run.model_event(call_id, "late")

    async def test_names_and_removal(self):
        self.runtime.add_model("host/*", lambda call: call.model)
        self.assertEqual((await self.runtime.agent("host/any/one").session().run("go")).text, "host/any/one")
        with self.assertRaises(tau.AlreadyExistsError):
            self.runtime.add_model("host/*", lambda call: "")
        self.runtime.remove_model("host/*")
        with self.assertRaises(tau.InvalidArgumentError):
            self.runtime.agent("host/any")
        with self.assertRaises(tau.NotFoundError):
            self.runtime.remove_model("host/*")


class Threads(SyncCase):
    def test_without_asyncio_it_runs_in_a_thread(self):
        names = []

        async def echo(call):
            names.append(threading.current_thread().name)
            yield "from "
            yield "a thread"

        self.runtime.add_model("host/echo", echo)
        self.assertEqual(self.runtime.agent("host/echo").session().run("go").result(30).text, "from a thread")
        self.assertNotIn(threading.main_thread().name, names)

    def test_one_that_nobody_wants_ends_at_its_next_piece(self):
        ended = threading.Event()

        def endless(call):
            try:
                while True:
                    yield "word "
                    time.sleep(0.005)
            finally:
                ended.set()

        self.runtime.add_model("host/endless", endless)
        run = self.runtime.agent("host/endless").session().run("go")
        for event in run:
            if event.kind == K.TEXT:
                run.cancel()
        self.assertEqual(run.outcome.status, "cancelled")
        self.assertTrue(ended.wait(10))

    def test_embeddings_say_what_they_cannot(self):
        self.runtime.add_model("host/m", lambda call: "")
        with self.assertRaises(tau.UnimplementedError) as caught:
            self.runtime.embed(["a"], model="host/m")
        self.assertEqual(caught.exception.reason, "no_embeddings")
        with self.assertRaises(tau.InvalidArgumentError):
            self.runtime.embed([], model="openai/x")
        with self.assertRaises(TypeError):
            self.runtime.embed("a", model="openai/x")


if __name__ == "__main__":
    tap.main()

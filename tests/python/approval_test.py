"""Approvals: asked for, allowed, denied, timed out; and nobody there to ask."""

import asyncio

import tap
import tau
from support import AsyncCase, SyncCase, collect, turn
from tau import EventKind as K

ASK = {"effect": "pure", "ask": True}


def deleting(agent):
    """Gives the agent a tool that asks, and the list of what it did."""
    deleted = []

    @agent.tool(**ASK)
    def delete(path: str) -> str:
        """Deletes a file."""
        deleted.append(path)
        return "gone"
    return deleted


SCRIPT = (turn(calls=[("delete", {"path": "a.txt"})]), turn("done"))


def result_of(events):
    result, = [e for e in events if e.kind == K.TOOL_RESULT]
    return result.body["is_error"], result.text


class InAsyncio(AsyncCase):
    async def test_event_is_allowed_by_its_reader(self):
        agent = self.agent(*SCRIPT)
        deleted = deleting(agent)
        run = agent.session().run("go")
        async for event in run:
            if event.kind == K.APPROVAL:
                self.assertEqual((event.text, event.arguments), ("delete", {"path": "a.txt"}))
                self.assertEqual(deleted, [])
                run.approve(event)
        self.assertEqual(deleted, ["a.txt"])

    async def test_event_is_denied_by_its_reader_with_a_reason(self):
        agent = self.agent(*SCRIPT)
        deleted = deleting(agent)
        run, events = agent.session().run("go"), []
        async for event in run:
            events.append(event)
            if event.kind == K.APPROVAL:
                run.deny(event, "keep that one")
        is_error, text = result_of(events)
        self.assertTrue(is_error)
        self.assertIn("keep that one", text)
        self.assertEqual(deleted, [])

    async def test_no_answer_in_time_is_a_denial(self):
        agent = self.agent(*SCRIPT, limits={"approval_timeout_ms": 50})
        deleted = deleting(agent)
        events = await collect(agent.session().run("go"))
        self.assertTrue(result_of(events)[0])
        self.assertEqual(deleted, [])
        self.assertTrue(events[-1].outcome.ok)

    async def test_callbacks_decide(self):
        async def later(event):
            await asyncio.sleep(0)
            return event.arguments["path"] == "a.txt"
        cases = [(lambda event: True, 1), (lambda event: False, 0), (lambda event: (False, "no"), 0), (later, 1),
                 (lambda event: None, 0)]
        for callback, count in cases:
            with self.subTest(callback=callback):
                agent = self.agent(*SCRIPT)
                deleted = deleting(agent)
                outcome = await agent.session().run("go", on_approval=callback)
                self.assertEqual((len(deleted), outcome.text), (count, "done"))

    async def test_what_is_neither_true_nor_false_denies(self):
        for odd in ("n", "yes", 1, [True], (True,), ("yes", None), {"allow": True}):
            agent = self.agent(*SCRIPT)
            deleted = deleting(agent)
            with self.subTest(odd=odd), self.assertWarnsRegex(RuntimeWarning, "neither True nor False"):
                outcome = await agent.session().run("go", on_approval=lambda event: odd)
                self.assertEqual((deleted, outcome.text), ([], "done"))

    async def test_failing_callback_denies_and_is_reported(self):
        agent = self.agent(*SCRIPT)
        deleted, reported = deleting(agent), []
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: reported.append(context["exception"]))

        def fails(event):
            raise RuntimeError("no idea")
        outcome = await agent.session().run("go", on_approval=fails)
        self.assertTrue(outcome.ok)
        self.assertEqual((deleted, [str(e) for e in reported]), ([], ["no idea"]))

    async def test_whoever_only_awaits_the_outcome_denies(self):
        agent = self.agent(*SCRIPT)
        deleted = deleting(agent)
        outcome = await asyncio.wait_for(agent.session().run("go"), 30)
        self.assertTrue(outcome.ok)
        self.assertEqual(deleted, [])

    async def test_approval_that_came_before_the_await_is_denied_too(self):
        agent = self.agent(*SCRIPT)
        deleted = deleting(agent)
        run = agent.session().run("go")
        while not (run._approvals or run.done):
            await asyncio.sleep(0.001)
        self.assertTrue((await asyncio.wait_for(run, 30)).ok)
        self.assertEqual(deleted, [])

    async def test_the_agent_may_hold_the_callback(self):
        agent = self.agent(*SCRIPT, on_approval=lambda event: True)
        deleted = deleting(agent)
        await agent.session().run("go")
        self.assertEqual(deleted, ["a.txt"])

    async def test_cancelling_while_a_question_is_open(self):
        agent = self.agent(*SCRIPT)
        deleted = deleting(agent)
        asked = asyncio.Event()

        async def never(event):
            asked.set()
            await asyncio.sleep(3600)
        run = agent.session().run("go", on_approval=never)
        await asyncio.wait_for(asked.wait(), 30)
        run.cancel()
        with self.assertRaises(tau.RunCancelledError):
            await run
        self.assertEqual(deleted, [])


class OutsideAsyncio(SyncCase):
    def test_callbacks_decide(self):
        async def later(event):
            return True
        for callback, count in [(lambda event: True, 1), (lambda event: (False, "no"), 0), (later, 1)]:
            with self.subTest(callback=callback):
                agent = self.agent(*SCRIPT)
                deleted = deleting(agent)
                agent.session().run("go", on_approval=callback).result(60)
                self.assertEqual(len(deleted), count)

    def test_failing_callback_surfaces_and_cancels(self):
        def fails(event):
            raise RuntimeError("no idea")
        agent = self.agent(*SCRIPT)
        deleted = deleting(agent)
        run = agent.session().run("go", on_approval=fails)
        with self.assertRaisesRegex(RuntimeError, "no idea"):
            list(run)
        self.assertEqual((run.outcome.status, deleted), ("cancelled", []))

    def test_reader_decides(self):
        agent = self.agent(*SCRIPT)
        deleted = deleting(agent)
        run = agent.session().run("go")
        for event in run:
            if event.kind == K.APPROVAL:
                run.approve(event.call_id)
        self.assertEqual(deleted, ["a.txt"])

    def test_policy_may_deny_what_the_tool_would_not_ask(self):
        agent = self.agent(*SCRIPT, policy={"deny": ["delete"]})
        deleted = []

        @agent.tool(effect="pure")
        def delete(path: str) -> str:
            deleted.append(path)
            return "gone"
        events = list(agent.session().run("go"))
        self.assertTrue(result_of(events)[0])
        self.assertEqual(deleted, [])


if __name__ == "__main__":
    tap.main()

"""Sessions: kept over processes, forked, listed, removed; errors of every function have their class."""

import ctypes
import os
import subprocess
import sys
import tempfile
import unittest
from ctypes import byref
from pathlib import Path
from unittest import mock

import tap
import tau
from support import PURE, SyncCase, agent_of, turn
from tau import _abi, _core
from tau._core import lib

_FIRST_PROCESS = """
import sys, tau
with tau.Runtime(sys.argv[1]) as runtime:
    agent = runtime.agent(config={"model": "scripted/demo", "script": {"turns": [{"text": "I will remember."}]}})
    print(agent.session("chat").run("My name is Ann.").result().text)
"""


# A process that dies while a tool with side effects runs.
_DYING_PROCESS = """
import os, sys, tau
runtime = tau.Runtime(sys.argv[1])
agent = runtime.agent(config={"model": "scripted/demo", "script": {"turns": [
    {"tool_calls": [{"name": "pay", "arguments": {}}]}, {"text": "never said"}]}})
agent.add_tool(tau.Tool("pay", "Pays.", {"type": "object"}, effect="write"))
for event in agent.session("till").run("go"):
    if event.kind == tau.EventKind.TOOL_CALL:
        os._exit(9)
"""


def texts(export):
    """(role, text) of the messages of an export."""
    found = []
    for entry in export["messages"]:
        message = entry["message"]
        found.append((message["role"], "".join(part.get("text", "") for part in message["parts"])))
    return found


class Kept(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.home = Path(folder.name, "home")

    def test_conversation_survives_the_process(self):
        output = subprocess.run([sys.executable, "-c", _FIRST_PROCESS, str(self.home)], check=True, text=True,
                                capture_output=True).stdout
        self.assertEqual(output, "I will remember.\n")
        with tau.Runtime(self.home) as runtime:
            session = agent_of(runtime, turn("asked before"), turn("Ann.")).session("chat")
            self.assertEqual(session.run("What is my name?").result().text, "Ann.")
            self.assertEqual(texts(session.export()),
                             [("user", "My name is Ann."), ("assistant", "I will remember."),
                              ("user", "What is my name?"), ("assistant", "Ann.")])

    def test_a_tilde_is_the_home_of_the_user(self):
        with mock.patch.dict(os.environ, HOME=str(self.home.parent)), tau.Runtime("~/home") as runtime:
            self.assertEqual(runtime.describe()["home"], str(self.home))

    def test_home_is_private(self):
        with tau.Runtime(self.home):
            self.assertEqual(self.home.stat().st_mode & 0o777, 0o700)
            for path in self.home.rglob("*"):
                self.assertEqual(path.stat().st_mode & 0o077, 0, path)

    def test_a_home_is_backed_up_checked_and_restored(self):
        backup, other = self.home.parent / "backup", self.home.parent / "other"
        with tau.Runtime(self.home) as runtime:
            agent_of(runtime, turn("kept")).session("one").run("hello").result()
            self.assertEqual(runtime.backup(backup)["sessions"], 1)
            with self.assertRaises(tau.AlreadyExistsError):
                runtime.backup(backup)
            self.assertEqual(runtime.prune(max_age_days=1)["removed"], [])
            self.assertEqual(runtime.approvals(all=True), [])
            self.assertGreaterEqual(runtime.usage("day", "session", since="7d")["total"]["calls"], 0)
            with self.assertRaises(tau.InvalidArgumentError):
                runtime.usage("colour")
            for ask in (runtime.approval, lambda id: runtime.decide(id, True, note="yes", wait=0.1)):
                with self.assertRaises(tau.NotFoundError) as unknown:
                    ask("apr_none")
                self.assertEqual(unknown.exception.reason, "approval_unknown")
            did = "did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK"
            self.assertEqual(runtime.resolve_did(did)["did"], did)
            with self.assertRaises(tau.InvalidArgumentError):
                runtime.prune()
            with self.assertRaises(tau.UnavailableError) as busy:
                tau.restore_home(backup, self.home, replace=True)
            self.assertEqual(busy.exception.reason, "home_busy")
        self.assertTrue(tau.verify_home(backup)["sound"])
        self.assertEqual(tau.restore_home(backup, other)["replaced"], "")
        with tau.Runtime(other) as runtime:
            self.assertEqual([session["id"] for session in runtime.sessions()], ["one"])
        (other / "tau.db").chmod(0o644)
        report = tau.verify_home(other)
        self.assertFalse(report["sound"])
        self.assertEqual([problem["reason"] for problem in report["problems"]], ["not_private"])
        with self.assertRaises(tau.NotFoundError):
            tau.verify_home(self.home.parent / "nothing")

    def test_a_home_is_read_and_not_written(self):
        with self.assertRaises(tau.NotFoundError):
            tau.Runtime(self.home, read_only=True)
        self.assertFalse(self.home.exists())
        with self.assertRaises(tau.InvalidArgumentError):
            tau.Runtime(read_only=True)
        with tau.Runtime(self.home) as writer:
            agent_of(writer, turn("kept")).session("one").run("hello").result()
            with tau.Runtime(self.home, read_only=True) as runtime:
                self.assertEqual([session["id"] for session in runtime.sessions()], ["one"])
                agent = agent_of(runtime, turn("never"))
                self.assertIn("kept", str(agent.session("one").export()))
                with self.assertRaises(tau.FailedPreconditionError) as refused:
                    agent.session("one").run("more").result()
                self.assertEqual(refused.exception.reason, "store_read_only")
                with self.assertRaises(tau.FailedPreconditionError):
                    runtime.remove_session("one")
                with self.assertRaises(tau.FailedPreconditionError):
                    runtime.prune(max_age_days=1)
            agent_of(writer, turn("more"), loop=True).session("one").run("and").result()

    def test_recorded_run_replays(self):
        with tau.Runtime(self.home) as runtime:
            agent = agent_of(runtime, turn(calls=[("add", {"a": 1})]), turn("done"))
            agent.tool(lambda a: a, name="add", **PURE)
            outcome = agent.session().run("go").result()
            report = runtime.replay(outcome.run_id)
            self.assertTrue(report["identical"], report)
            with self.assertRaises(tau.NotFoundError) as caught:
                runtime.replay("no-such-run")
            self.assertEqual(caught.exception.reason, "no_such_run")

    def crashed(self, runtime):
        """The session of a process that died in the middle of a run."""
        done = subprocess.run([sys.executable, "-c", _DYING_PROCESS, str(self.home)], check=False)
        self.assertEqual(done.returncode, 9)
        agent = agent_of(runtime, turn("unused"), turn("went on"))
        self.paid = []
        agent.tool(lambda: self.paid.append(1), name="pay", effect="write")
        session = agent.session("till")
        self.assertTrue(session.describe()["open_run"])
        with self.assertRaises(tau.FailedPreconditionError) as caught:
            session.run("something else")
        self.assertEqual(caught.exception.reason, "run_open")
        return session

    def test_run_that_a_crash_cut_off_is_resumed_without_repeating_its_effect(self):
        with tau.Runtime(self.home) as runtime:
            session = self.crashed(runtime)
            outcome = session.run(resume=True).result(60)
            self.assertEqual((outcome.text, self.paid), ("went on", []))
            self.assertFalse(session.describe().get("open_run"))
            with self.assertRaises(tau.FailedPreconditionError) as caught:
                session.run(resume=True)
            self.assertEqual(caught.exception.reason, "no_open_run")

    def test_run_that_a_crash_cut_off_may_be_abandoned(self):
        with tau.Runtime(self.home) as runtime:
            session = self.crashed(runtime)
            with self.assertRaises(tau.RunCancelledError):
                session.run(abandon=True).result(60)
            self.assertTrue(session.run("and now").result(60).ok)

    def test_listing_and_removing(self):
        with tau.Runtime(self.home) as runtime:
            agent = agent_of(runtime, turn("x"), loop=True)
            for name in ("one", "two", "three"):
                agent.session(name).run("hi").result()
            listed = {item["id"] for item in runtime.sessions(limit=2)}
            self.assertEqual(listed, {"one", "two", "three"})
            runtime.remove_session("two")
            self.assertEqual({item["id"] for item in runtime.sessions()}, {"one", "three"})
            with self.assertRaises(tau.NotFoundError):
                runtime.remove_session("two")
            with self.assertRaises(tau.OutOfRangeError):
                list(runtime.sessions(limit=0))

    def test_fork_goes_its_own_way(self):
        with tau.Runtime(self.home) as runtime:
            session = agent_of(runtime, turn("x"), loop=True).session("trunk")
            session.run("first").result()
            branch = session.fork(id="branch")
            branch.run("second").result()
            self.assertEqual((branch.id, len(branch.export()["messages"]) - len(session.export()["messages"])),
                             ("branch", 2))
            with self.assertRaises(tau.AlreadyExistsError):
                session.fork(id="branch")
            with self.assertRaises(tau.NotFoundError):
                session.fork(entry="no-such-entry")


class Errors(SyncCase):
    def test_unknown_key_is_named(self):
        with self.assertRaises(tau.InvalidArgumentError) as caught:
            self.runtime.agent(config={"modle": "x"})
        self.assertEqual(caught.exception.reason, "unknown_key")
        self.assertIn("modle", str(caught.exception))
        self.assertIsInstance(caught.exception, ValueError)
        self.assertEqual(caught.exception.status, tau.Status.INVALID_ARGUMENT)
        self.assertFalse(caught.exception.retryable)

    def test_bad_values_are_refused_by_class(self):
        agent = self.agent(turn("x"))
        cases = [(tau.InvalidArgumentError, lambda: self.runtime.agent("no-such-provider/model")),
                 (tau.InvalidArgumentError, lambda: agent.session("bad id!")),
                 (tau.InvalidArgumentError, lambda: agent.session().run()),
                 (tau.InvalidArgumentError, lambda: agent.session().run("x", limits={"max_turns": "many"})),
                 (tau.InvalidArgumentError, lambda: agent.add_tool(tau.Tool("bad name", "", {}))),
                 (tau.InvalidArgumentError, lambda: agent.add_tool(tau.Tool("t", "", {"type": "nonsense"}))),
                 (tau.InvalidArgumentError, lambda: tau.Runtime(config={"no_such_key": 1})),
                 (UnicodeEncodeError, lambda: agent.session().run("\ud800"))]
        for expected, call in cases:
            with self.subTest(expected=expected), self.assertRaises(expected):
                call()

    def test_every_canonical_code_has_its_class(self):
        codes = [status for status in tau.Status if status < 0]
        self.assertEqual(len(codes), 16)
        for status in codes:
            code = status.name.lower()
            with self.subTest(code):
                agent = self.agent(turn(error={"code": code, "reason": "scripted", "message": "as told"}))
                with self.assertRaises(tau.TauError) as caught:
                    agent.session().run("go").result()
                self.assertEqual((caught.exception.status, caught.exception.message), (status, "as told"))

    def test_text_with_nul_and_any_script_goes_through(self):
        for text in ("a\0b", "日本語", "🦊", ""):
            with self.subTest(text):
                if text:
                    self.assertEqual(self.agent(turn(text)).session().run(text).result().text, text)

    def test_image_goes_with_the_prompt(self):
        session = self.agent(turn("a picture")).session()
        session.run("what is this?", blobs=[tau.Blob("image/png", b"\x89PNG\0\1", "x.png")]).result()
        self.assertIn("image", str(session.export()["messages"]))

    def test_a_message_names_its_blobs(self):
        session = self.agent(turn("a picture")).session()
        parts = [{"type": "text", "text": "this:"}, {"type": "image", "data": "blob:0"}]
        blob = tau.Blob("image/png", b"\x89PNG\0\1")
        session.run(message={"role": "user", "parts": parts}, blobs=[blob]).result()
        said = session.export()["messages"][0]["message"]["parts"]
        self.assertEqual(said, [parts[0], {"type": "image", "mime": "image/png", "data": "iVBORwAB"}])
        for message, reason in (({"role": "user", "parts": [], "text": "x"}, "unknown_key"),
                                ({"role": "user", "parts": []}, "unused_blob")):
            with self.subTest(reason), self.assertRaises(tau.InvalidArgumentError) as caught:
                session.run(message=message, blobs=[blob])
            self.assertEqual(caught.exception.reason, reason)

    def test_the_queue_of_one_run_is_done_after_it(self):
        session, options = self.agent(turn("a")).session(), _core.options(_abi.tau_run_options)
        options.prompt = _core.text_in("go")
        run = _core.call_handle(lib.tau_run_start, session.pointer, byref(options))
        self.addCleanup(lib.tau_run_unref, run)
        event, kinds = _abi.tau_event(struct_size=ctypes.sizeof(_abi.tau_event)), []
        while (status := _core.call(lib.tau_queue_next, lib.tau_run_queue(run), -1, byref(event))) == _abi.tau_status.OK:
            kinds.append(event.kind)
        self.assertEqual((kinds[-1], status), (tau.EventKind.RUN_DONE, _abi.tau_status.DONE))

    def test_a_tool_that_cannot_be_offered_is_described(self):
        unavailable = self.agent(turn("a"), config={"tools": ["read"]}).describe()["unavailable"]
        self.assertEqual([(tool["name"], tool["reason"]) for tool in unavailable], [("read", "no_workspace")])

    def test_facts_about_the_build(self):
        self.assertRegex(tau.version(), r"^\d+\.\d+\.\d+$")
        self.assertEqual(tau.build_info()["version"], tau.version())
        self.assertFalse(tau.has_feature("no-such-feature"))
        self.assertIn("model", str(self.runtime.describe()))


class Wire(unittest.TestCase):
    RESPONSE = {"id": "r1", "object": "chat.completion", "model": "m", "choices": [
        {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Hello"}}]}

    def test_documents_go_both_ways(self):
        neutral = tau.wire.decode("openai_chat", self.RESPONSE)
        again = tau.wire.encode("openai_chat", neutral, tau.wire.Kind.RESPONSE)
        self.assertEqual(again["choices"][0]["message"]["content"], "Hello")
        with self.assertRaises(tau.InvalidArgumentError) as caught:
            tau.wire.decode("klingon", self.RESPONSE)
        self.assertEqual(caught.exception.reason, "unknown_dialect")
        with self.assertRaises(tau.InvalidArgumentError):
            tau.wire.decode("openai_chat", self.RESPONSE, quirks={"no_such_quirk": True})

    def test_stream_in_any_split(self):
        chunk = '{"id":"r1","model":"m","choices":[{"index":0,"delta":{"content":"h\u00e9"},"finish_reason":null}]}'
        end = '{"id":"r1","model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}'
        data = f"data: {chunk}\n\ndata: {end}\n\ndata: [DONE]\n\n".encode()
        for size in (1, 7, len(data)):
            stream = tau.wire.Stream("openai_chat")
            events = [event for i in range(0, len(data), size) for event in stream.feed(data[i:i + size])]
            events += stream.end()
            self.assertEqual("".join(e.get("text", "") for e in events if e["event"] == "text"), "h\u00e9")
            self.assertEqual(events[-1]["response"]["message"]["parts"], [{"type": "text", "text": "h\u00e9"}])
        with self.assertRaises(tau.UnavailableError):
            tau.wire.Stream("openai_chat").end()

    def test_events_become_a_stream_of_another_dialect(self):
        decoder = tau.wire.Stream("openai_chat")
        events = decoder.feed(b'data: {"id":"r","choices":[{"index":0,"delta":{"content":"h\xc3\xa9"},'
                              b'"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n') + decoder.end()
        encoder = tau.wire.StreamEncoder("anthropic_messages")
        text = encoder.feed(events) + encoder.end()
        self.assertIn("message_stop", text)
        again = tau.wire.Stream("anthropic_messages")
        self.assertEqual(again.feed(text.encode())[-1]["response"]["message"]["parts"][0]["text"], "h\u00e9")

    def test_a_stream_that_is_no_text_comes_as_bytes(self):
        decoder = tau.wire.Stream("ollama_chat")
        events = decoder.feed(b'{"model":"m","message":{"role":"assistant","content":"h\xc3\xa9"},"done":true}') + decoder.end()
        encoder = tau.wire.StreamEncoder("bedrock_converse")
        data = encoder.feed_bytes(events) + encoder.end_bytes()
        again = tau.wire.Stream("bedrock_converse")
        found = [event for byte in data for event in again.feed(bytes([byte]))] + again.end()
        self.assertEqual(found[-1]["response"]["message"]["parts"][0]["text"], "h\u00e9")
        with self.assertRaises(tau.TauError):
            tau.wire.Stream("bedrock_converse").feed(data[:40] + b"?" + data[41:])

    def test_an_error_answer_is_typed(self):
        error = tau.wire.decode_error("openai_chat", 429, "", {"retry-after": "2"})
        self.assertEqual((error["reason"], error["retryable"], error["retry_after_ms"]), ("rate_limited", True, 2000))


if __name__ == "__main__":
    tap.main()

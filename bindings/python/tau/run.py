"""Runs: one request to an agent, its events, and the ops that steer it meanwhile."""

import collections
import ctypes
import inspect
import time
import weakref
from ctypes import byref

from . import _abi, _core, errors, tools
from ._core import lib
from .events import EventKind, Outcome

_SLICE_MS = 100  # how long Ctrl-C may wait
_SETTLE_S = 5.0  # for a cancelled run to end
_MERGE_AT = 256  # unread events from which on pieces of text are joined
_PIECES = (EventKind.TEXT, EventKind.REASONING)


class Blob:
    """Binary content: an image or file that a message refers to, or simply shows to the model."""

    def __init__(self, mime, data, name=None):
        self.mime, self.data, self.name = mime, bytes(data), name


def _run_coroutine(coroutine):
    """asyncio is imported by those who use it: it takes longer than all the rest of this package."""
    import asyncio
    return asyncio.run(coroutine)


def _blob_array(blobs):
    """(array or None, count); the array keeps the bytes alive."""
    array = (_abi.tau_blob * len(blobs))()
    for item, blob in zip(array, blobs):
        item.mime, item.name = _core.text_in(blob.mime), _core.text_in(blob.name)
        item.data, item.len = ctypes.cast(ctypes.c_char_p(blob.data), ctypes.c_void_p), len(blob.data)
    array.sources = blobs
    return (array if blobs else None), len(blobs)


def _give_up(pointer):
    """What becomes of a run that nobody holds any more. A run that has ended does not notice."""
    lib.tau_run_cancel(pointer)
    lib.tau_run_unref(pointer)


class Run:
    """A run, started by Session.run().

    Inside a running asyncio loop: `async for event in run`, `await run`. Elsewhere: `for event in run`,
    `run.result()`. Iteration ends after RUN_DONE; leaving it early cancels the run, as does cancelling the task that
    awaits it. `await run` and result() give the Outcome of a run that went well and raise TauError otherwise.
    """

    def __init__(self, session, loop, on_approval, decode):
        self._session = session
        self._is_async = loop is not None
        # Weak: the loop's channel holds its runs, and must go when the loop goes.
        self._loop_ref = weakref.ref(loop) if loop is not None else None
        self._on_approval = on_approval
        self._decode = decode
        self._tools = session.agent._tools
        channels = session.agent.runtime._channels
        self._channel = channels.for_loop(loop) if loop else channels.for_thread()
        self._handle = None
        self._key = 0
        self._inbox = collections.deque()
        self._outcome = None
        self._failure = None  # why it could not be started, or why its output could not be decoded
        self._cancelled = False
        self._open = {}  # call id -> what answers it, or None
        self._approvals = set()  # call ids that wait for a decision
        self._iterators = 0
        self._awaiting = 0
        self._waiters = []
        self._on_finish = []

    # ---- starting ------------------------------------------------------------------------------------------

    def _start(self, options, blobs):
        options.queue = self._channel.pointer
        options.blobs, options.blob_count = _blob_array(blobs)
        self._key = options.userdata = self._channel.attach(self)
        try:
            pointer = _core.call_handle(_abi.tau_run, lib.tau_run_start, self._session.pointer, byref(options))
        except BaseException:
            self._channel.detach(self._key)
            raise
        self._handle = _core.Handle(pointer, _give_up)
        if self._cancelled:
            self.cancel()

    def _start_after(self, previous, options, blobs):
        """Starts when `previous`, which is being cancelled, has ended: a session has one writer."""
        def start():
            try:
                self._start(options, blobs)
            except errors.TauError as error:
                self._failure = error
                self._wake()
        previous._on_finish.append(start)

    # ---- facts ---------------------------------------------------------------------------------------------

    @property
    def id(self) -> str:
        """Empty while the run waits for its cancelled predecessor."""
        return _core.text_out(lib.tau_run_id(self._handle.pointer)) if self._handle else ""

    @property
    def session(self):
        return self._session

    @property
    def outcome(self):
        """The Outcome, once RUN_DONE has come; else None."""
        return self._outcome

    @property
    def done(self) -> bool:
        return self._outcome is not None or self._failure is not None

    def wants(self, call_id) -> bool:
        """Whether a tool call still waits for its result."""
        return call_id in self._open and not self.done

    @property
    def _loop(self):
        return self._loop_ref()

    # ---- steering; any thread ------------------------------------------------------------------------------

    def submit(self, op, blobs=()) -> None:
        """Sends an op (docs/schema/op.json)."""
        if self._handle is None:
            raise errors.FailedPreconditionError("the run has not started", reason="not_started")
        array, count = _blob_array(list(blobs))
        _core.call(lib.tau_run_submit, self._handle.pointer, _core.json_in(op), array, count)

    def message(self, text, id=None, blobs=()) -> None:
        """Asks more; answered after the current answer."""
        self.submit(_with_id({"op": "message", "text": text}, id), blobs)

    def steer(self, text, id=None, blobs=()) -> None:
        """Changes course: said to the model before its next call."""
        self.submit(_with_id({"op": "steer", "text": text}, id), blobs)

    def approve(self, call_id, id=None) -> None:
        """Allows a call that waits for approval; takes an event or a call id."""
        self._decide(call_id, True, None, id)

    def deny(self, call_id, reason=None, id=None) -> None:
        self._decide(call_id, False, reason, id)

    def tool_result(self, call_id, content, is_error=False, reason=None, id=None) -> None:
        """Answers a TOOL_CALL event of a tool without a Python function."""
        op = {"op": "tool_result", "call_id": _call_id(call_id), "content": content, "is_error": is_error}
        self.submit(_with_id({**op, "reason": reason} if reason else op, id))

    def tool_progress(self, call_id, text) -> None:
        self.submit({"op": "tool_progress", "call_id": _call_id(call_id), "text": text})

    def cancel(self) -> None:
        """Stops the run as soon as possible; RUN_DONE still comes. Harmless when it has ended."""
        self._cancelled = True
        if self._handle is not None:
            lib.tau_run_cancel(self._handle.pointer)

    def _decide(self, call_id, allow, reason, id):
        call_id = _call_id(call_id)
        self._approvals.discard(call_id)
        op = {"op": "approval", "call_id": call_id, "allow": allow}
        self.submit(_with_id({**op, "reason": reason} if reason else op, id))

    # ---- what comes from the queue; on the thread that reads it ----------------------------------------------

    def _deliver(self, event):
        kind = event.kind
        if kind == EventKind.TOOL_CALL:
            self._open[event.call_id] = None
            tool = self._tools.get(event.text)
            if tool is not None and tool.function is not None:
                self._run_tool(tool, event)
        elif kind == EventKind.APPROVAL:
            self._approvals.add(event.call_id)
        elif kind == EventKind.TOOL_STARTED:
            self._approvals.discard(event.call_id)
        elif kind == EventKind.TOOL_RESULT:
            self._approvals.discard(event.call_id)
            self._drop(self._open.pop(event.call_id, None))
        elif kind == EventKind.RUN_DONE:
            event.outcome = self._outcome_of(event)
            self._finish(event.outcome)
        self._store(event)
        self._wake()
        if kind == EventKind.APPROVAL:
            self._ask(event)  # last, since it may raise what the host's callback raises

    def _outcome_of(self, event):
        try:
            return Outcome.from_json(event.run_id, event.body["outcome"], self._decode)
        except Exception as error:  # the host's class refuses its own schema's JSON
            self._failure = error
            return Outcome.from_json(event.run_id, event.body["outcome"])

    def _store(self, event):
        if self._awaiting and not self._iterators:
            return  # only the outcome is asked for
        last = self._inbox[-1] if len(self._inbox) >= _MERGE_AT else None
        if last is not None and event.kind in _PIECES and (last.kind, last.call_id) == (event.kind, event.call_id):
            last.absorb(event)
        else:
            self._inbox.append(event)

    def _finish(self, outcome):
        self._outcome = outcome
        self._channel.detach(self._key)
        for answer in self._open.values():
            self._drop(answer)
        self._open.clear()
        callbacks, self._on_finish = self._on_finish, []
        for callback in callbacks:
            callback()

    def _lost(self):
        if self._outcome is None:
            self._finish(Outcome(self.id, "failed", "unavailable", reason="runtime_stopped",
                                 message="the runtime was stopped before the run could end"))
            self._wake()

    @staticmethod
    def _drop(answer):
        if answer is not None:
            answer.cancel()

    # ---- answering tool calls and approvals ------------------------------------------------------------------

    def _run_tool(self, tool, event):
        call, arguments = tools.ToolCall(self, event.call_id, tool.name), event.arguments
        if self._is_async:
            work = (tools.call_async(tool, call, arguments) if tool.is_async
                    else self._in_thread(tools.call_sync, tool, call, arguments))
            answer = self._loop.create_task(work)
        elif tool.is_async:
            answer = self._pool.submit(_run_coroutine, tools.call_async(tool, call, arguments))
        else:
            answer = self._pool.submit(tools.call_sync, tool, call, arguments)
        self._open[event.call_id] = answer
        answer.add_done_callback(lambda done: self._answered(event.call_id, done))

    async def _in_thread(self, function, *arguments):
        from asyncio import wrap_future
        return await wrap_future(self._pool.submit(function, *arguments))

    @property
    def _pool(self):
        return self._session.agent.runtime._pool

    def _answered(self, call_id, done):
        if not self.wants(call_id):
            return
        if done.cancelled():
            op = tools.failure(call_id, errors.ToolError("the tool was cancelled", "cancelled"))
        else:
            op = done.result() if done.exception() is None else tools.failure(call_id, done.exception())
        try:
            try:
                self.submit(op)
            except ValueError as error:  # the result is no Unicode text
                self.submit(tools.failure(call_id, error))
        except errors.FailedPreconditionError:
            pass  # the run ended meanwhile

    def _ask(self, event):
        if self._on_approval is None:
            if self._awaiting and not self._iterators:
                self._nobody_to_ask(event.call_id)
            return
        if not self._is_async:  # a failure surfaces where the run is iterated
            decision = self._on_approval(event)
            self._apply(event.call_id, _run_coroutine(_awaited(decision)) if inspect.isawaitable(decision)
                        else decision)
            return
        task = self._loop.create_task(self._decision(event))
        self._open.setdefault(event.call_id, task)

    async def _decision(self, event):
        try:
            decision = self._on_approval(event)
            if inspect.isawaitable(decision):
                decision = await decision
        except Exception as error:
            decision = False, "the approval failed"
            self._loop.call_exception_handler({"message": "on_approval failed; the call is denied", "exception": error})
        self._apply(event.call_id, decision)

    def _apply(self, call_id, decision):
        """A decision is a truth value, or a pair with the reason of a denial."""
        allow, reason = decision if isinstance(decision, tuple) else (decision, None)
        if call_id not in self._approvals or self.done:
            return
        try:
            self._decide(call_id, bool(allow), reason, None)
        except errors.FailedPreconditionError:
            pass  # the run ended meanwhile

    def _nobody_to_ask(self, call_id):
        self._apply(call_id, (False, "nobody is there to ask"))

    def _deny_unseen(self):
        """Whoever only awaits the outcome answers no approval."""
        if self._on_approval is None and not self._iterators:
            for call_id in list(self._approvals):
                self._nobody_to_ask(call_id)

    # ---- synchronous use -------------------------------------------------------------------------------------

    def __iter__(self):
        self._require(asynchronous=False)
        return self._events()

    def _events(self):
        self._iterators += 1
        try:
            while True:
                while self._inbox:
                    yield self._inbox.popleft()
                if self._outcome is not None:
                    return
                self._check_failure()
                self._channel.pump(_SLICE_MS)
        finally:
            self._iterators -= 1
            self._settle()

    def result(self, timeout=None) -> Outcome:
        """Waits for the end, at most `timeout` seconds. An interrupt cancels the run."""
        self._require(asynchronous=False)
        limit = None if timeout is None else time.monotonic() + timeout
        self._awaiting += 1
        try:
            self._deny_unseen()
            while self._outcome is None:
                self._check_failure()
                left = _SLICE_MS if limit is None else min(_SLICE_MS, int((limit - time.monotonic()) * 1000))
                if left < 0:
                    raise errors.DeadlineExceededError("the run still goes on", reason="wait_timeout")
                self._channel.pump(left)
        except KeyboardInterrupt:
            self._settle()
            raise
        finally:
            self._awaiting -= 1
        return self._checked()

    def _settle(self):
        """Cancels and waits for the end, so that the session is free again."""
        if self.done:
            return
        self.cancel()
        limit = time.monotonic() + _SETTLE_S
        while not self.done and time.monotonic() < limit:
            self._channel.pump(_SLICE_MS)

    # ---- asyncio ---------------------------------------------------------------------------------------------

    def __aiter__(self):
        self._require(asynchronous=True)
        return _AsyncEvents(self)

    def __await__(self):
        self._require(asynchronous=True)
        return self._wait_async().__await__()

    async def _wait_async(self):
        from asyncio import CancelledError
        self._awaiting += 1
        try:
            self._deny_unseen()
            while self._outcome is None:
                self._check_failure()
                await self._changed()
        except CancelledError:
            self.cancel()
            raise
        finally:
            self._awaiting -= 1
        return self._checked()

    async def _changed(self):
        waiter = self._loop.create_future()
        self._waiters.append(waiter)
        try:
            await waiter
        finally:
            if not waiter.done():
                waiter.cancel()

    def _wake(self):
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

    # ---- shared ----------------------------------------------------------------------------------------------

    def _require(self, asynchronous):
        if asynchronous and not self._is_async:
            raise RuntimeError("this run was started outside asyncio: use `for event in run` or run.result()")
        if not asynchronous and self._is_async:
            raise RuntimeError("this run belongs to an asyncio loop: use `async for event in run` or `await run`")

    def _check_failure(self):
        if self._failure is not None:
            raise self._failure

    def _checked(self):
        self._check_failure()
        if not self._outcome.ok:
            raise errors.from_outcome(self._outcome)
        return self._outcome

    def __repr__(self):
        state = self._outcome.status if self._outcome else "running" if self._handle else "waiting"
        return f"<tau.Run {self.id} {state}>"


class _AsyncEvents:
    """`async for`: dropped before the end, it cancels the run."""

    def __init__(self, run):
        from asyncio import CancelledError
        self._run, self._cancelled = run, CancelledError
        run._iterators += 1

    def __aiter__(self):
        return self

    async def __anext__(self):
        run = self._run
        try:
            while not run._inbox:
                if run._outcome is not None:
                    raise StopAsyncIteration
                run._check_failure()
                await run._changed()
        except self._cancelled:
            run.cancel()
            raise
        return run._inbox.popleft()

    def __del__(self):
        self._run._iterators -= 1
        if not self._run.done:
            self._run.cancel()


async def _awaited(value):
    return await value


def _call_id(value):
    return value if isinstance(value, str) else value.call_id


def _with_id(op, id):
    return {**op, "id": id} if id else op

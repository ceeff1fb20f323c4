"""Runs: one request to an agent, its events, and the ops that steer it meanwhile."""

from __future__ import annotations

import collections
import contextvars
import ctypes
import time
import warnings
import weakref
from ctypes import byref

from . import _abi, _core, errors, models, tools
from ._channel import MERGE_AT
from ._loader import lib
from .events import EventKind, Outcome

TYPE_CHECKING = False  # the module typing takes its time
if TYPE_CHECKING:
    from asyncio import AbstractEventLoop, Future
    from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Generator, Iterator, Sequence
    from typing import Any, Protocol, TypeGuard

    from ._channel import Channel
    from ._threads import Threads
    from .events import Event
    from .session import Session

    Decision = bool | tuple[bool, str | None]
    OnApproval = Callable[[Event], Decision | Awaitable[Decision]]

    class Answer(Protocol):
        """What is working on the answer to a call: a task, or the future of a thread."""

        def cancel(self) -> object: ...

_SLICE_MS = 100  # how long Ctrl-C may wait
_SETTLE_S = 5.0  # for a cancelled run to end
# Looking a member up in its class takes longer than comparing it.
_TOOL_CALL, _APPROVAL = EventKind.TOOL_CALL, EventKind.APPROVAL
_TOOL_STARTED, _TOOL_RESULT, _RUN_DONE = EventKind.TOOL_STARTED, EventKind.TOOL_RESULT, EventKind.RUN_DONE
_MODEL_CALL, _MODEL_CALL_OVER = EventKind.MODEL_CALL, EventKind.MODEL_CALL_OVER
_PIECES = (EventKind.TEXT, EventKind.REASONING)


class Blob:
    """Binary content: an image or file that a message refers to, or simply shows to the model."""

    def __init__(self, mime: str, data: bytes | bytearray | memoryview, name: str | None = None) -> None:
        self.mime, self.data, self.name = mime, bytes(data), name


def _run_coroutine(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """asyncio is imported by those who use it: it takes longer than all the rest of this package."""
    import asyncio
    return asyncio.run(coroutine)


def _blob_array(blobs: Sequence[Blob]) -> tuple[Any, int]:
    """(array or None, count); the array keeps the bytes alive."""
    if not blobs:
        return None, 0
    array: Any = (_abi.tau_blob * len(blobs))()
    for item, blob in zip(array, blobs):
        item.mime, item.name = _core.text_in(blob.mime), _core.text_in(blob.name)
        item.data, item.len = ctypes.cast(ctypes.c_char_p(blob.data), ctypes.c_void_p), len(blob.data)
    array.sources = blobs
    return array, len(blobs)


def _give_up(pointer: int) -> None:
    """What becomes of a run that nobody holds any more before it has ended."""
    lib.tau_run_cancel(pointer)
    lib.tau_run_unref(pointer)


class Run:
    """A run, started by Session.run().

    Inside a running asyncio loop: `async for event in run`, `await run`. Elsewhere: `for event in run`,
    `run.result()`. Iteration ends after RUN_DONE; leaving it early cancels the run, as does cancelling the task that
    awaits it. `await run` and result() give the Outcome of a run that went well and raise TauError otherwise.
    """

    def __init__(self, session: Session, loop: AbstractEventLoop | None, on_approval: OnApproval | None,
                 decode: Callable[[Any], Any] | None) -> None:
        self._session = session
        self._is_async = loop is not None
        # Weak: the loop's channel holds its runs, and must go when the loop goes.
        self._loop_ref = weakref.ref(loop) if loop is not None else None
        self._context = contextvars.copy_context()  # what the host's functions see
        self._on_approval = on_approval
        self._decode = decode
        self._tools = session.agent._tools
        channels = session.agent.runtime._channels
        self._channel: Channel = channels.for_loop(loop) if loop is not None else channels.for_thread()
        self._handle: _core.Handle | None = None
        self._id: str = ""
        self._key = 0
        self._inbox: collections.deque[Event] = collections.deque()
        self._outcome: Outcome | None = None
        self._failure: BaseException | None = None  # why it could not be started, or its output not be decoded
        self._cancelled = False
        self._open: dict[str, Answer | None] = {}  # call id -> what works on it
        self._approvals: set[str] = set()  # call ids that wait for a decision
        self._iterators = 0
        self._awaiting = 0
        self._only_awaited: bool = False  # nobody wants the events
        self._waiters: list[Future[None]] = []
        self._on_finish: list[Callable[[], None]] = []

    # ---- starting ------------------------------------------------------------------------------------------

    def _start(self, options: _abi.tau_run_options, blobs: Sequence[Blob]) -> None:
        options.queue = self._channel.pointer
        options.blobs, options.blob_count = _blob_array(blobs)
        self._key = options.userdata = self._channel.attach(self)
        try:
            pointer = _core.call_handle(lib.tau_run_start, self._session.pointer, byref(options))
        except BaseException:
            self._channel.detach(self._key)
            raise
        self._handle = _core.Handle(pointer, _give_up)
        if self._cancelled:
            self.cancel()

    def _start_after(self, previous: Run, options: _abi.tau_run_options, blobs: Sequence[Blob]) -> None:
        """Starts when `previous`, which is being cancelled, has ended: a session has one writer."""
        def start() -> None:
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
        if not self._id and self._handle is not None:
            self._id = _core.text_out(lib.tau_run_id(self._handle.pointer))
        return self._id

    def _named(self, id: str) -> str:
        self._id = id
        return id

    @property
    def session(self) -> Session:
        return self._session

    @property
    def outcome(self) -> Outcome | None:
        """The Outcome, once RUN_DONE has come; else None."""
        return self._outcome

    @property
    def done(self) -> bool:
        return self._outcome is not None or self._failure is not None

    def wants(self, call_id: str) -> bool:
        """Whether a tool call still waits for its result."""
        return call_id in self._open and not self.done

    @property
    def _loop(self) -> AbstractEventLoop:
        loop = self._loop_ref() if self._loop_ref is not None else None
        if loop is None:
            raise RuntimeError("the asyncio loop of this run is gone")
        return loop

    # ---- steering; any thread ------------------------------------------------------------------------------

    def submit(self, op: dict[str, Any], blobs: Sequence[Blob] = ()) -> None:
        """Sends an op (docs/schema/op.json)."""
        self._submit(_core.json_text(op), blobs)

    def _submit(self, op: str, blobs: Sequence[Blob] = ()) -> None:
        if self._handle is None:
            raise errors.FailedPreconditionError("the run has not started", reason="not_started")
        array, count = _blob_array(blobs)
        _core.call(lib.tau_run_submit, self._handle.pointer, _core.text_in(op), array, count)

    def message(self, text: str, id: str | None = None, blobs: Sequence[Blob] = ()) -> None:
        """Asks more; answered after the current answer."""
        self.submit(_with_id({"op": "message", "text": text}, id), blobs)

    def steer(self, text: str, id: str | None = None, blobs: Sequence[Blob] = ()) -> None:
        """Changes course: said to the model before its next call."""
        self.submit(_with_id({"op": "steer", "text": text}, id), blobs)

    def approve(self, call_id: Event | str, id: str | None = None) -> None:
        """Allows a call that waits for approval; takes an event or a call id."""
        self._decide(call_id, True, None, id)

    def deny(self, call_id: Event | str, reason: str | None = None, id: str | None = None) -> None:
        self._decide(call_id, False, reason, id)

    def tool_result(self, call_id: Event | str, content: Any, is_error: bool = False, reason: str | None = None,
                    id: str | None = None) -> None:
        """Answers a TOOL_CALL event of a tool without a Python function."""
        op = {"op": "tool_result", "call_id": _call_id(call_id), "content": content, "is_error": is_error}
        self.submit(_with_id({**op, "reason": reason} if reason else op, id))

    def model_event(self, call_id: Event | str, event: dict[str, Any] | str | bytes) -> None:
        """Feeds the answer to a MODEL_CALL event of a model without a Python function: an event, or lines or bytes as
        they are. UnavailableError "model_reply_full": nothing was taken, try again. FailedPreconditionError
        "model_call_over": nobody wants it."""
        data = _core.json_text(event) + "\n" if isinstance(event, dict) else event
        self._feed_model(_call_id(call_id), data)

    def model_drop(self, call_id: Event | str, error: BaseException | None = None) -> None:
        """Ends the answer to a MODEL_CALL event, with an error where one is given."""
        self._end_model(_call_id(call_id), error)

    def tool_progress(self, call_id: Event | str, text: str) -> None:
        self.submit({"op": "tool_progress", "call_id": _call_id(call_id), "text": text})

    def cancel(self) -> None:
        """Stops the run as soon as possible; RUN_DONE still comes. Harmless when it has ended."""
        self._cancelled = True
        if self._handle is not None:
            lib.tau_run_cancel(self._handle.pointer)

    def _decide(self, call_id: Event | str, allow: bool, reason: str | None, id: str | None) -> None:
        call_id = _call_id(call_id)
        self._approvals.discard(call_id)
        op = {"op": "approval", "call_id": call_id, "allow": allow}
        self.submit(_with_id({**op, "reason": reason} if reason else op, id))

    # ---- what comes from the queue; on the thread that reads it ----------------------------------------------

    def _deliver(self, event: Event) -> None:
        """An event that has consequences; all others are only kept."""
        kind = event.kind
        if kind is _TOOL_CALL:
            self._open[event.call_id] = None
            tool = self._tools.get(event.text)
            if tool is not None and tool.function is not None:
                self._run_tool(tool, tool.function, event)
        elif kind is _APPROVAL:
            self._approvals.add(event.call_id)
        elif kind is _TOOL_STARTED:
            self._approvals.discard(event.call_id)
        elif kind is _TOOL_RESULT:
            self._approvals.discard(event.call_id)
            self._drop(self._open.pop(event.call_id, None))
        elif kind is _MODEL_CALL:
            self._open[event.call_id] = None
            self._run_model(event)
        elif kind is _MODEL_CALL_OVER:
            answer = self._open.pop(event.call_id, None)
            if not event.body["answered"]:
                self._drop(answer)
        elif kind is _RUN_DONE:
            event.outcome = self._outcome_of(event)
            self._finish(event.outcome)
        if not self._only_awaited:
            self._keep(event)
        elif self._waiters:
            self._wake()
        if kind is _APPROVAL:
            self._ask(event)  # last, since it may raise what the host's callback raises

    def _outcome_of(self, event: Event) -> Outcome:
        try:
            return Outcome.from_json(event.run_id, event.body["outcome"], self._decode)
        except Exception as error:  # the host's class refuses its own schema's JSON
            self._failure = error
            return Outcome.from_json(event.run_id, event.body["outcome"])

    def _keep(self, event: Event) -> None:
        """For the reader."""
        if len(self._inbox) < MERGE_AT or not self._merge(event):
            self._inbox.append(event)
        if self._waiters:
            self._wake()

    def _merge(self, event: Event) -> bool:
        last = self._inbox[-1]
        if event.kind not in _PIECES or (last.kind, last.call_id) != (event.kind, event.call_id):
            return False
        last.absorb(event)
        return True

    def _finish(self, outcome: Outcome) -> None:
        self._outcome = outcome
        self._channel.detach(self._key)
        if self._handle is not None:
            self._handle.give_back_with(lib.tau_run_unref)  # there is nothing to cancel any more
        for answer in self._open.values():
            self._drop(answer)
        self._open.clear()
        callbacks, self._on_finish = self._on_finish, []
        for callback in callbacks:
            callback()

    def _lost(self) -> None:
        if self._outcome is None:
            self._finish(Outcome(self.id, "failed", "unavailable", reason="runtime_stopped",
                                 message="the runtime was stopped before the run could end"))
            self._wake()

    @staticmethod
    def _drop(answer: Answer | None) -> None:
        if answer is not None:
            answer.cancel()

    # ---- answering tool calls and approvals ------------------------------------------------------------------

    def _run_tool(self, tool: tools.Tool, function: Callable[..., Any], event: Event) -> None:
        call = tools.ToolCall(self, event.call_id, tool.name)
        answer: Answer
        if self._is_async and tool.is_async:
            answer = self._task(self._answer(function, tool, call, event.arguments))
        else:
            answer = self._context.run(self._pool.submit, self._answer_in_thread, function, tool, call, event.arguments)
        self._open[event.call_id] = answer

    def _run_model(self, event: Event) -> None:
        model = self._session.agent.runtime._model(event.text)
        if model is None or model.function is None:
            return
        call = models.ModelCall(self, event)
        answer: Answer
        if self._is_async and model.is_async:
            answer = self._task(models.answer_async(model, model.function, call))
        else:
            answer = self._context.run(self._pool.submit, models.answer_in_thread, model, model.function, call)
        self._open[event.call_id] = answer

    def _feed_model(self, call_id: str, data: str | bytes) -> None:
        if not self.wants(call_id):
            raise errors.FailedPreconditionError("nobody wants the answer", reason="model_call_over")
        if isinstance(data, str):
            self._submit(f'{{"op":"model_event","call_id":{_core.json_text(call_id)},"lines":{_core.json_text(data)}}}')
        else:
            self.submit({"op": "model_event", "call_id": call_id, "bytes": "blob:0"}, [Blob("", data)])

    def _end_model(self, call_id: str, error: BaseException | None) -> None:
        """Any thread. The call, or the run, may be over."""
        op: dict[str, Any] = {"op": "model_drop", "call_id": call_id}
        try:
            self.submit(op if error is None else {**op, "error": models.failure(error)})
        except errors.FailedPreconditionError:
            pass

    def _task(self, coroutine: Coroutine[Any, Any, None]) -> Answer:
        create: Callable[[Coroutine[Any, Any, None]], Answer] = self._loop.create_task
        return self._context.run(create, coroutine)

    async def _answer(self, function: Callable[..., Any], tool: tools.Tool, call: tools.ToolCall,
                      arguments: dict[str, Any]) -> None:
        try:
            op = await tools.call_async(function, tool, call, arguments)
        except BaseException:
            self._send(call.call_id, tools.failure(call.call_id, errors.ToolError("the tool was cancelled", "cancelled")))
            raise
        self._send(call.call_id, op)
        if call.call_id in self._open:
            self._open[call.call_id] = None  # it is answered: there is nothing left to cancel
            self._channel.take_due()

    def _answer_in_thread(self, function: Callable[..., Any], tool: tools.Tool, call: tools.ToolCall,
                          arguments: dict[str, Any]) -> None:
        self._send(call.call_id, _run_coroutine(tools.call_async(function, tool, call, arguments)) if tool.is_async
                   else tools.call_sync(function, tool, call, arguments))

    @property
    def _pool(self) -> Threads:
        return self._session.agent.runtime._pool

    def _send(self, call_id: str, op: str) -> None:
        """The answer to a call, when anybody still wants it. Any thread."""
        if not self.wants(call_id):
            return
        try:
            try:
                self._submit(op)
            except ValueError as error:  # the result is no Unicode text
                self._submit(tools.failure(call_id, error))
        except errors.FailedPreconditionError:
            pass  # the run ended meanwhile

    def _ask(self, event: Event) -> None:
        if self._on_approval is None:
            if self._only_awaited:
                self._nobody_to_ask(event.call_id)
            return
        if not self._is_async:  # a failure surfaces where the run is iterated
            decision = self._context.run(self._on_approval, event)
            self._apply(event.call_id, _run_coroutine(_awaited(decision)) if _is_awaitable(decision) else decision)
            return
        self._open.setdefault(event.call_id, self._task(self._decision(self._on_approval, event)))

    async def _decision(self, on_approval: OnApproval, event: Event) -> None:
        decision: Any
        try:
            decision = on_approval(event)
            if _is_awaitable(decision):
                decision = await decision
        except Exception as error:
            decision = False, "the approval failed"
            self._loop.call_exception_handler({"message": "on_approval failed; the call is denied", "exception": error})
        self._apply(event.call_id, decision)

    def _apply(self, call_id: str, decision: Any) -> None:
        """A decision is True or False, or a pair with the reason of a denial. Nothing else allows: what asked a person may
        well return an "n"."""
        allow, reason = decision if isinstance(decision, tuple) and len(decision) == 2 else (decision, None)
        if not isinstance(allow, bool) and allow is not None:
            warnings.warn(f"on_approval gave {allow!r}, neither True nor False; the call is denied", RuntimeWarning,
                          stacklevel=2)
            allow, reason = False, "the approval was neither true nor false"
        if call_id not in self._approvals or self.done:
            return
        try:
            self._decide(call_id, bool(allow), reason, None)
        except errors.FailedPreconditionError:
            pass  # the run ended meanwhile

    def _nobody_to_ask(self, call_id: str) -> None:
        self._apply(call_id, (False, "nobody is there to ask"))

    def _deny_unseen(self) -> None:
        """Whoever only awaits the outcome answers no approval."""
        if self._on_approval is None and not self._iterators:
            for call_id in list(self._approvals):
                self._nobody_to_ask(call_id)

    def _count_readers(self, iterating: int = 0, awaiting: int = 0) -> None:
        self._iterators += iterating
        self._awaiting += awaiting
        self._only_awaited = self._awaiting > 0 and self._iterators == 0

    # ---- synchronous use -------------------------------------------------------------------------------------

    def __iter__(self) -> Iterator[Event]:
        self._require(asynchronous=False)
        return self._events()

    def _events(self) -> Iterator[Event]:
        self._count_readers(iterating=1)
        try:
            while True:
                while self._inbox:
                    yield self._inbox.popleft()
                if self._outcome is not None:
                    return
                self._check_failure()
                self._channel.pump(_SLICE_MS)
        finally:
            self._count_readers(iterating=-1)
            self._settle()

    def result(self, timeout: float | None = None) -> Outcome:
        """Waits for the end, at most `timeout` seconds. An interrupt cancels the run."""
        self._require(asynchronous=False)
        limit = None if timeout is None else time.monotonic() + timeout
        self._count_readers(awaiting=1)
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
            self._count_readers(awaiting=-1)
        return self._checked(self._outcome)

    def _settle(self) -> None:
        """Cancels and waits for the end, so that the session is free again."""
        if self.done:
            return
        self.cancel()
        limit = time.monotonic() + _SETTLE_S
        while not self.done and time.monotonic() < limit:
            self._channel.pump(_SLICE_MS)

    # ---- asyncio ---------------------------------------------------------------------------------------------

    def __aiter__(self) -> AsyncIterator[Event]:
        self._require(asynchronous=True)
        return _AsyncEvents(self)

    def __await__(self) -> Generator[Any, None, Outcome]:
        self._require(asynchronous=True)
        return self._wait_async().__await__()

    async def _wait_async(self) -> Outcome:
        self._count_readers(awaiting=1)
        try:
            self._deny_unseen()
            while self._outcome is None:
                self._check_failure()
                await self._changed()
        finally:
            self._count_readers(awaiting=-1)
        return self._checked(self._outcome)

    async def _changed(self) -> None:
        """Waits for what comes next. Who is cancelled meanwhile does not want the run any more."""
        if self._channel.due:
            self._channel.take_due()
            return
        waiter = self._loop.create_future()
        self._waiters.append(waiter)
        try:
            await waiter
        except BaseException:
            waiter.cancel()
            self.cancel()
            raise

    def _wake(self) -> None:
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

    # ---- shared ----------------------------------------------------------------------------------------------

    def _require(self, asynchronous: bool) -> None:
        if asynchronous and not self._is_async:
            raise RuntimeError("this run was started outside asyncio: use `for event in run` or run.result()")
        if not asynchronous and self._is_async:
            raise RuntimeError("this run belongs to an asyncio loop: use `async for event in run` or `await run`")

    def _check_failure(self) -> None:
        if self._failure is not None:
            raise self._failure

    def _checked(self, outcome: Outcome) -> Outcome:
        self._check_failure()
        if not outcome.ok:
            raise errors.from_outcome(outcome)
        return outcome

    def __repr__(self) -> str:
        state = self._outcome.status if self._outcome else "running" if self._handle else "waiting"
        return f"<tau.Run {self.id} {state}>"


class _AsyncEvents:
    """`async for`: dropped before the end, it cancels the run."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._inbox = run._inbox
        run._count_readers(iterating=1)

    def __aiter__(self) -> _AsyncEvents:
        return self

    async def __anext__(self) -> Event:
        inbox = self._inbox
        while not inbox:
            if self._run._outcome is not None:
                raise StopAsyncIteration
            self._run._check_failure()
            await self._run._changed()
        return inbox.popleft()

    def __del__(self) -> None:
        self._run._count_readers(iterating=-1)
        if not self._run.done:
            self._run.cancel()


async def _awaited(value: Awaitable[Any]) -> Any:
    return await value


def _is_awaitable(value: object) -> TypeGuard[Awaitable[Any]]:
    return hasattr(value, "__await__")


def _call_id(value: Event | str) -> str:
    return value if isinstance(value, str) else value.call_id


def _with_id(op: dict[str, Any], id: str | None) -> dict[str, Any]:
    return {**op, "id": id} if id else op

"""Models: Python functions that answer the calls of a model."""

from __future__ import annotations

from . import _core, errors

TYPE_CHECKING = False  # the module typing takes its time
if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from typing import Any

    from .events import Event
    from .run import Run

    Piece = str | bytes | dict[str, Any]

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.002, 0.05  # while the run has not taken what it was given


class ModelCall:
    """A call of a model, as its function sees it.

    request: the neutral request (docs/schema/message.json has its messages), or None for a model with a dialect, which is
    given the body of a request (body) and where it would go behind a base URL (path). request_id: the same over tries,
    and when a run is resumed after a crash; call_id: of this try alone. timeout: seconds for the whole answer, or None.
    """

    def __init__(self, run: Run, event: Event) -> None:
        body = event.body
        self._run = run
        self.run_id = event.run_id
        self.call_id = event.call_id
        self.model: str = event.text
        self.request_id: str = body["request_id"]
        self.request: dict[str, Any] | None = body.get("request")
        self.path: str | None = body.get("path")
        self.body: str | None = body.get("body")
        self.timeout: float | None = body["timeout_ms"] / 1000 or None

    @property
    def cancelled(self) -> bool:
        """Whether nobody wants the answer any more; a function in a thread looks at it now and then."""
        return not self._run.wants(self.call_id)


class HostModel:
    """A document (docs/schema/host_model.json) and the function that answers.

    The function takes a ModelCall. It is an async generator, a generator, or a function that returns the answer, and gives
    pieces of text, or events as dictionaries ({"event": "tool_call", …}, see c-api/model.md). Of a model with a dialect it
    gives bytes, or text, as the provider sends them; with "stream": False one document. Without a function the reader of
    the MODEL_CALL events answers.
    """

    def __init__(self, document: dict[str, Any], function: Callable[[ModelCall], Any] | None) -> None:
        if function is not None and not callable(function):
            raise TypeError(f"model {document['model']}: expected a function, not {function!r}")
        self.name: str = document["model"]
        self.document = document
        self.function = function
        self._raw = document.get("dialect") is not None
        self._stream = document.get("stream") is not False

    @property
    def is_async(self) -> bool:
        from inspect import isasyncgenfunction, iscoroutinefunction
        function = self.function
        call = getattr(type(function), "__call__", None)
        return any(map(isasyncgenfunction, (function, call))) or any(map(iscoroutinefunction, (function, call)))

    def encode(self, piece: Piece) -> str | bytes:
        """What is fed for a piece."""
        if isinstance(piece, (bytes, bytearray, memoryview)):
            return bytes(piece)
        if isinstance(piece, str) and not self._raw:
            if self._stream:
                piece = {"event": "text", "text": piece}
            else:
                piece = {"message": {"role": "assistant", "parts": [{"type": "text", "text": piece}]}, "finish": "stop"}
        if isinstance(piece, str):
            return piece
        if isinstance(piece, dict):
            return _core.json_text(piece) + "\n"
        raise TypeError(f"model {self.name}: gave {piece!r}; expected text, bytes or an event as a dictionary")

    def ends(self, piece: Piece) -> bool:
        """Whether it is the last of a stream of events."""
        return isinstance(piece, dict) and piece.get("event") in ("finish", "error")

    @property
    def last(self) -> str | None:
        """What is fed when the function has not said that it ends."""
        return '{"event":"finish"}\n' if self._stream and not self._raw else None


def failure(error: BaseException) -> dict[str, Any]:
    """The error that a call fails with; a TauError passes as it is."""
    if isinstance(error, errors.TauError):
        wait = {} if error.retry_after_ms is None else {"retry_after_ms": error.retry_after_ms}
        return {"code": error.status.name.lower(), "reason": error.reason or "model_failed",
                "message": _text(error.message), "retryable": error.retryable, **wait}
    return {"code": "unavailable", "reason": "model_failed", "message": _text(f"{type(error).__name__}: {error}"),
            "retryable": False}


def _text(message: str) -> str:
    return message.encode(errors="replace").decode()  # it may quote what is no Unicode text


class _Over(Exception):
    """Nobody wants the answer any more."""


def _feed(call: ModelCall, data: str | bytes) -> bool:
    """Whether it was taken."""
    try:
        call._run._feed_model(call.call_id, data)
    except errors.UnavailableError:
        return False
    except (errors.FailedPreconditionError, errors.ResourceExhaustedError):
        raise _Over from None
    return True


async def _feed_async(call: ModelCall, data: str | bytes) -> None:
    from asyncio import sleep
    pause = _FIRST_PAUSE_S
    while not _feed(call, data):
        await sleep(pause)
        pause = min(pause * 2, _LONGEST_PAUSE_S)


def _feed_in_thread(call: ModelCall, data: str | bytes) -> None:
    from time import sleep
    pause = _FIRST_PAUSE_S
    while not _feed(call, data):
        sleep(pause)
        pause = min(pause * 2, _LONGEST_PAUSE_S)


async def _pieces(result: Any) -> AsyncIterator[Piece]:
    if hasattr(result, "__await__"):
        result = await result
    if hasattr(result, "__aiter__"):
        try:
            async for piece in result:
                yield piece
        finally:
            close = getattr(result, "aclose", None)
            if close is not None:
                await close()
    else:
        for piece in _plain_pieces(result):
            yield piece


def _plain_pieces(result: Any) -> Iterator[Piece]:
    if result is None:
        return
    if isinstance(result, (str, bytes, bytearray, memoryview, dict)):
        yield result
        return
    try:
        yield from result
    finally:
        close = getattr(result, "close", None)
        if close is not None:
            close()


async def answer_async(model: HostModel, function: Callable[[ModelCall], Any], call: ModelCall) -> None:
    """Feeds what an asynchronous function gives. Cancelling it closes the function's generator."""
    why: BaseException | None = None
    try:
        ended = False
        pieces = _pieces(function(call))
        try:
            async for piece in pieces:
                await _feed_async(call, model.encode(piece))
                ended = model.ends(piece)
        finally:
            await pieces.aclose()  # type: ignore[attr-defined]
        if not ended and model.last is not None:
            await _feed_async(call, model.last)
    except _Over:
        pass
    except Exception as error:
        why = error
    except BaseException as error:  # cancelled
        call._run._end_model(call.call_id, errors.RunCancelledError("the model was cancelled", reason="cancelled"))
        raise error
    call._run._end_model(call.call_id, why)


def answer_in_thread(model: HostModel, function: Callable[[ModelCall], Any], call: ModelCall) -> None:
    """The same for any function; it ends when the function gives a piece that nobody wants."""
    if model.is_async:
        import asyncio
        asyncio.run(answer_async(model, function, call))
        return
    why: BaseException | None = None
    try:
        ended = False
        pieces = _plain_pieces(function(call))
        try:
            for piece in pieces:
                _feed_in_thread(call, model.encode(piece))
                ended = model.ends(piece)
        finally:
            pieces.close()  # type: ignore[attr-defined]
        if not ended and model.last is not None:
            _feed_in_thread(call, model.last)
    except _Over:
        pass
    except BaseException as error:  # SystemExit, too, ends the call alone
        why = error
    call._run._end_model(call.call_id, why)

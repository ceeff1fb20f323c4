"""Sessions: durable conversations."""

from __future__ import annotations

import sys
import weakref

from . import _abi, _core
from ._loader import lib
from .run import Run

TYPE_CHECKING = False  # the module typing takes its time
if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Callable, Iterable, Sequence
    from typing import Any

    from .agent import Agent
    from .run import Blob, OnApproval

_NOTHING = (None, None, None, None, None, False)
_RESUME, _QUIET = int(_abi.tau_run_flags.RESUME), int(_abi.tau_run_flags.QUIET)


class Session:
    """One conversation; made by Agent.session(). Runs on it follow each other."""

    def __init__(self, agent: Agent, pointer: int) -> None:
        self._agent = agent
        self._handle = _core.Handle(pointer, lib.tau_session_unref)
        self._last: Callable[[], Run | None] = lambda: None  # weak reference to the last run

    @property
    def agent(self) -> Agent:
        return self._agent

    @property
    def pointer(self) -> int:
        return self._handle.pointer

    @property
    def id(self) -> str:
        return _core.text_out(lib.tau_session_id(self.pointer))

    def describe(self) -> dict[str, Any]:
        """Title, counts, usage, cost, and `open_run` when a run was cut off and can be resumed."""
        return _core.call_json(lib.tau_session_describe, self.pointer)

    def export(self) -> dict[str, Any]:
        """The whole conversation: {"session": …, "messages": […]}."""
        return _core.call_json(lib.tau_session_export, self.pointer)

    def fork(self, entry: str | None = None, id: str | None = None) -> Session:
        """A session that begins with this conversation, up to the message with the id `entry`."""
        return Session(self._agent, _core.call_handle(lib.tau_session_fork, self.pointer,
                                                      _core.text_in(entry), _core.text_in(id)))

    def run(self, prompt: str | bytes | None = None, *, on_approval: OnApproval | None = None,
            deadline: float | None = None, response_schema: Any = None, limits: dict[str, Any] | None = None,
            params: dict[str, Any] | None = None, message: dict[str, Any] | None = None, blobs: Iterable[Blob] = (),
            principal: str | None = None, traceparent: str | None = None, quiet: bool = False,
            resume: bool = False, abandon: bool = False) -> Run:
        """Starts a run. Inside a running asyncio loop it belongs to that loop, else to whoever iterates it.

        prompt: what the user says; or message, a neutral message. on_approval: called with each APPROVAL event, may be
        a coroutine function; answers True, False or (False, reason). deadline: seconds. response_schema: a JSON
        Schema, or a dataclass or other annotation; the outcome's output then has that form. quiet: no events but
        approvals, tool calls and the last one. resume: go on with the run that a crash cut off, and abandon: end it
        instead; both without a prompt.
        """
        loop = _running_loop()
        text, decode = response(response_schema)
        options = _core.options(_abi.tau_run_options)
        options.prompt = _core.text_in(prompt)
        if (message, limits, params, principal, text, abandon) != _NOTHING:
            changes = {"message": message, "limits": limits, "params": params, "principal": principal,
                       "response_schema": text, "abandon": abandon or None}
            options.options = _core.json_in({key: value for key, value in changes.items() if value is not None})
        if traceparent is not None:
            options.traceparent = _core.text_in(traceparent)
        if deadline:
            options.deadline_ms = max(1, int(deadline * 1000))
        options.flags = _QUIET * quiet | _RESUME * (resume or abandon)
        run = Run(self, loop, on_approval or self._agent.on_approval, decode or self._agent._decode)
        self._begin(run, options, list(blobs))
        self._last = weakref.ref(run)
        return run

    def _begin(self, run: Run, options: _abi.tau_run_options, blobs: Sequence[Blob]) -> None:
        """A run that was cancelled a moment ago may still be ending: wait for it, the session has one writer."""
        last = self._last()
        if last is None or last.done or not last._cancelled:
            run._start(options, blobs)
        elif last._is_async and run._is_async and last._loop is run._loop:
            run._start_after(last, options, blobs)
        else:
            if not last._is_async:
                last._settle()
            run._start(options, blobs)

    def __repr__(self) -> str:
        return f"<tau.Session {self.id}>" if not self._handle.released else "<tau.Session closed>"


def response(wanted: Any) -> tuple[dict[str, Any] | None, Callable[[Any], Any] | None]:
    """(JSON Schema, decoder) of what a caller gives as response_schema."""
    if wanted is None or isinstance(wanted, dict):
        return wanted, None
    from . import schema  # loads typing and inspect
    return schema.describe(wanted, "response_schema"), lambda value: schema.decode(wanted, value)


def _running_loop() -> AbstractEventLoop | None:
    asyncio = sys.modules.get("asyncio")  # nobody runs a loop without having imported it
    try:
        return asyncio.get_running_loop() if asyncio is not None else None
    except RuntimeError:
        return None

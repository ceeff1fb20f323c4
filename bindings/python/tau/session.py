"""Sessions: durable conversations."""

import sys
import weakref

from . import _abi, _core, schema
from ._core import lib
from .run import Run


class Session:
    """One conversation; made by Agent.session(). Runs on it follow each other."""

    def __init__(self, agent, pointer):
        self._agent = agent
        self._handle = _core.Handle(pointer, lib.tau_session_unref)
        self._last = lambda: None  # weak reference to the last run

    @property
    def agent(self):
        return self._agent

    @property
    def pointer(self):
        return self._handle.pointer

    @property
    def id(self) -> str:
        return _core.text_out(lib.tau_session_id(self.pointer))

    def describe(self) -> dict:
        """Title, counts, usage, cost, and `open_run` when a run was cut off and can be resumed."""
        return _core.call_json(lib.tau_session_describe, self.pointer)

    def export(self) -> dict:
        """The whole conversation: {"session": …, "messages": […]}."""
        return _core.call_json(lib.tau_session_export, self.pointer)

    def fork(self, entry=None, id=None) -> "Session":
        """A session that begins with this conversation, up to the message with the id `entry`."""
        return Session(self._agent, _core.call_handle(_abi.tau_session, lib.tau_session_fork, self.pointer,
                                                      _core.text_in(entry), _core.text_in(id)))

    def run(self, prompt=None, *, on_approval=None, deadline=None, response_schema=None, limits=None, params=None,
            message=None, blobs=(), principal=None, traceparent=None, quiet=False, resume=False, abandon=False) -> Run:
        """Starts a run. Inside a running asyncio loop it belongs to that loop, else to whoever iterates it.

        prompt: what the user says; or message, a neutral message. on_approval: called with each APPROVAL event, may be
        a coroutine function; answers True, False or (False, reason). deadline: seconds. response_schema: a JSON
        Schema, or a dataclass or other annotation; the outcome's output then has that form. quiet: no events but
        approvals, tool calls and the last one. resume: go on with the run that a crash cut off, and abandon: end it
        instead; both without a prompt.
        """
        loop = _running_loop()
        text, decode = response(response_schema)
        changes = {"message": message, "limits": limits, "params": params, "principal": principal,
                   "response_schema": text, "abandon": abandon or None}
        changes = {key: value for key, value in changes.items() if value is not None}
        options = _core.options(_abi.tau_run_options)
        options.prompt = _core.text_in(prompt)
        options.options = _core.json_in(changes or None)
        options.traceparent = _core.text_in(traceparent)
        options.deadline_ms = max(1, int(deadline * 1000)) if deadline else 0
        options.flags = _abi.tau_run_flags.QUIET * quiet | _abi.tau_run_flags.RESUME * (resume or abandon)
        run = Run(self, loop, on_approval or self._agent.on_approval, decode or self._agent._decode)
        self._begin(run, options, list(blobs))
        self._last = weakref.ref(run)
        return run

    def _begin(self, run, options, blobs):
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

    def __repr__(self):
        return f"<tau.Session {self.id}>" if not self._handle.released else "<tau.Session closed>"


def response(wanted):
    """(JSON Schema, decoder) of what a caller gives as response_schema."""
    if wanted is None or isinstance(wanted, dict):
        return wanted, None
    return schema.describe(wanted, "response_schema"), lambda value: schema.decode(wanted, value)


def _running_loop():
    asyncio = sys.modules.get("asyncio")  # nobody runs a loop without having imported it
    try:
        return asyncio.get_running_loop() if asyncio is not None else None
    except RuntimeError:
        return None

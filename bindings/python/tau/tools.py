"""Tools: Python functions that a model may call."""

import contextvars
import dataclasses
import enum
import inspect
import json
from dataclasses import dataclass
from typing import Any, Callable, Optional

from . import _abi, schema
from .errors import ToolError

_current = contextvars.ContextVar("tau_tool_call")


@dataclass
class Tool:
    """A function with its manifest.

    effect: what a call can do to the world; policy decides from it. "pure", "read", "write", "egress", "exec" or
    "irreversible"; a tool that does not say counts as irreversible. parallel: may run beside other calls. idempotent:
    may be run again when a crash hid its outcome. ask: ask before every call. timeout: seconds. function: None when
    the host answers TOOL_CALL events itself.
    """

    name: str
    description: str
    parameters: dict
    function: Optional[Callable] = None
    decode: Callable[[dict], dict] = dict
    effect: str = "irreversible"
    parallel: bool = False
    idempotent: bool = False
    ask: bool = False
    timeout: float = 0

    @classmethod
    def of(cls, function, name=None, description=None, **manifest):
        """A tool from a function's annotations and docstring."""
        parameters, decode = schema.parameters(function)
        text, _ = schema.split_docstring(function.__doc__)
        return cls(name or function.__name__, description or text or function.__name__, parameters, function, decode,
                   **manifest)

    @property
    def is_async(self):
        return inspect.iscoroutinefunction(self.function)

    def manifest(self):
        """(effect, flags) as numbers of the C API."""
        try:
            effect = _abi.tau_tool_effect[self.effect.upper()]
        except KeyError:
            known = ", ".join(member.name.lower() for member in _abi.tau_tool_effect)
            raise ValueError(f"tool {self.name}: effect {self.effect!r} is none of {known}") from None
        flags = (_abi.tau_tool_flags.PARALLEL * self.parallel | _abi.tau_tool_flags.IDEMPOTENT * self.idempotent
                 | _abi.tau_tool_flags.ASK * self.ask)
        return int(effect), int(flags)


def tool(function=None, **manifest):
    """Marks a function as a tool, with the manifest of Tool: @tau.tool or @tau.tool(effect="pure")."""
    def mark(target):
        target.__tau_tool__ = Tool.of(target, **manifest)
        return target
    return mark if function is None else mark(function)


def as_tool(value):
    if isinstance(value, Tool):
        return value
    if not callable(value):
        raise TypeError(f"a tool is a function, a Tool or the name of a built-in tool, not {value!r}")
    return getattr(value, "__tau_tool__", None) or Tool.of(value)


class ToolCall:
    """The call that a tool function is answering: see current_call()."""

    def __init__(self, run, call_id, name):
        self._run = run
        self.run_id = run.id
        self.call_id = call_id
        self.name = name

    @property
    def cancelled(self) -> bool:
        """Whether nobody wants the result any more; a long tool looks at it now and then."""
        return not self._run.wants(self.call_id)

    def progress(self, text: str) -> None:
        """Reports to whoever watches the run."""
        self._run.submit({"op": "tool_progress", "call_id": self.call_id, "text": text})


def current_call() -> ToolCall:
    """Inside a tool function: the call that it answers. LookupError elsewhere."""
    return _current.get()


def result_text(value) -> str:
    """What the model sees of a returned value: text as it is, anything else as JSON."""
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=_jsonable)


def _jsonable(value: Any):
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    return str(value)


def failure(call_id, error):
    """The op that answers a call with an exception."""
    if isinstance(error, ToolError):
        reason, message = error.reason, str(error)
    else:
        reason, message = "tool_failed", f"{type(error).__name__}: {error}"
    message = message.encode(errors="replace").decode()  # a message may quote what is no Unicode text
    return {"op": "tool_result", "call_id": call_id, "content": message, "is_error": True, "reason": reason}


def success(call_id, value):
    return {"op": "tool_result", "call_id": call_id, "content": result_text(value), "is_error": False}


def call_sync(tool_, call, arguments):
    """Runs a plain function and gives the op that answers the call. Any thread."""
    token = _current.set(call)
    try:
        return success(call.call_id, tool_.function(**tool_.decode(arguments)))
    except Exception as error:  # a tool's failure is the model's to read
        return failure(call.call_id, error)
    finally:
        _current.reset(token)


async def call_async(tool_, call, arguments):
    """The same for a coroutine function."""
    token = _current.set(call)
    try:
        return success(call.call_id, await tool_.function(**tool_.decode(arguments)))
    except Exception as error:
        return failure(call.call_id, error)
    finally:
        _current.reset(token)

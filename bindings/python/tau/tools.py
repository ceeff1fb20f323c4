"""Tools: Python functions that a model may call."""

from __future__ import annotations

import contextvars
import json

from . import _abi
from ._core import json_text
from .errors import ToolError

TYPE_CHECKING = False  # the module typing takes its time
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any, TypeVar, overload

    from .run import Run

    F = TypeVar("F", bound=Callable[..., Any])
else:
    def overload(function):
        return function

_current: contextvars.ContextVar[ToolCall] = contextvars.ContextVar("tau_tool_call")
_to_json = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"),
                            default=lambda value: _jsonable(value)).encode


class Tool:
    """A function with its manifest.

    effect: what a call can do to the world; policy decides from it. "pure", "read", "write", "egress", "exec" or
    "irreversible"; a tool that does not say counts as irreversible. destinations: the arguments that say where the effect
    lands, ["to", "cc.address"]: once something untrusted was read, policy holds them to what the user wrote. parallel: may run beside other calls. idempotent:
    may be run again when a crash hid its outcome. ask: ask before every call. timeout: seconds. function: None when
    the host answers TOOL_CALL events itself. decode: makes keyword arguments of parsed arguments.
    """

    def __init__(self, name: str, description: str, parameters: dict[str, Any],
                 function: Callable[..., Any] | None = None,
                 decode: Callable[[dict[str, Any]], dict[str, Any]] = dict, effect: str = "irreversible",
                 parallel: bool = False, idempotent: bool = False, ask: bool = False, timeout: float = 0,
                 destinations: Iterable[str] = ()) -> None:
        if isinstance(destinations, str):
            raise TypeError(f"tool {name}: destinations is the text {destinations!r}; expected a list")
        self.name = name
        self.description = description
        self.parameters = parameters
        self.function = function
        self.decode = decode
        self.effect = effect
        self.parallel = parallel
        self.idempotent = idempotent
        self.ask = ask
        self.timeout = timeout
        self.destinations = list(destinations)
        self._kind: tuple[object, bool] = None, False  # a function, and whether it is a coroutine function

    def __repr__(self) -> str:
        members = {name: value for name, value in self.__dict__.items() if not name.startswith("_")}
        return f"Tool({', '.join(f'{name}={value!r}' for name, value in members.items())})"

    @classmethod
    def of(cls, function: Callable[..., Any], name: str | None = None, description: str | None = None,
           **manifest: Any) -> Tool:
        """A tool from a function's annotations and docstring."""
        from . import schema  # loads typing and inspect
        parameters, decode = schema.parameters(function)
        text, _ = schema.split_docstring(function.__doc__)
        own = name or str(getattr(function, "__name__", type(function).__name__))
        return cls(own, description or text or own, parameters, function, decode, **manifest)

    @property
    def is_async(self) -> bool:
        if self._kind[0] is not self.function:
            from inspect import iscoroutinefunction
            self._kind = self.function, iscoroutinefunction(self.function)
        return self._kind[1]

    def manifest(self) -> tuple[int, int]:
        """(effect, flags) as numbers of the C API."""
        try:
            effect = _abi.tau_tool_effect[self.effect.upper()]
        except KeyError:
            known = ", ".join(member.name.lower() for member in _abi.tau_tool_effect)
            raise ValueError(f"tool {self.name}: effect {self.effect!r} is none of {known}") from None
        flags = (_abi.tau_tool_flags.PARALLEL * self.parallel | _abi.tau_tool_flags.IDEMPOTENT * self.idempotent
                 | _abi.tau_tool_flags.ASK * self.ask)
        return int(effect), int(flags)


@overload
def tool(function: F, /, **manifest: Any) -> F: ...
@overload
def tool(function: None = None, /, **manifest: Any) -> Callable[[F], F]: ...
def tool(function: F | None = None, /, **manifest: Any) -> F | Callable[[F], F]:
    """Marks a function as a tool, with the manifest of Tool: @tau.tool or @tau.tool(effect="pure")."""
    def mark(target: F) -> F:
        setattr(target, "__tau_tool__", Tool.of(target, **manifest))
        return target
    return mark if function is None else mark(function)


def as_tool(value: Any) -> Tool:
    if isinstance(value, Tool):
        return value
    if not callable(value):
        raise TypeError(f"a tool is a function, a Tool or the name of a built-in tool, not {value!r}")
    marked = getattr(value, "__tau_tool__", None)
    return marked if isinstance(marked, Tool) else Tool.of(value)


class ToolCall:
    """The call that a tool function is answering: see current_call()."""

    def __init__(self, run: Run, call_id: str, name: str) -> None:
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


def result_text(value: Any) -> str:
    """What the model sees of a returned value: text as it is, anything else as JSON."""
    if isinstance(value, str):
        return value
    return str(value) if type(value) is int else _to_json(value)


def _jsonable(value: Any) -> Any:
    from dataclasses import fields, is_dataclass
    from enum import Enum
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: getattr(value, f.name) for f in fields(value)}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    return str(value)


def failure(call_id: str, error: BaseException) -> str:
    """The op that answers a call with an exception, as JSON."""
    reason = error.reason if isinstance(error, ToolError) else "tool_failed"
    try:
        message = str(error) if isinstance(error, ToolError) else f"{type(error).__name__}: {error}"
    except Exception:  # it has a text of its own, and that fails
        message = type(error).__name__
    message = message.encode(errors="replace").decode()  # a message may quote what is no Unicode text
    return (f'{{"op":"tool_result","call_id":{json_text(call_id)},"content":{json_text(message)},"is_error":true,'
            f'"reason":{json_text(reason)}}}')


def success(call_id: str, value: Any) -> str:
    return (f'{{"op":"tool_result","call_id":{json_text(call_id)},"content":{json_text(result_text(value))},'
            '"is_error":false}')


def call_sync(function: Callable[..., Any], tool_: Tool, call: ToolCall, arguments: dict[str, Any]) -> str:
    """Runs a plain function and gives the op that answers the call. Any thread."""
    token = _current.set(call)
    try:
        return success(call.call_id, function(**tool_.decode(arguments)))
    except BaseException as error:  # a tool's failure is the model's to read; SystemExit, too, ends the call alone
        return failure(call.call_id, error)
    finally:
        _current.reset(token)


async def call_async(function: Callable[..., Any], tool_: Tool, call: ToolCall,
                     arguments: dict[str, Any]) -> str:
    """The same for a coroutine function."""
    token = _current.set(call)
    try:
        return success(call.call_id, await function(**tool_.decode(arguments)))
    except Exception as error:
        return failure(call.call_id, error)
    finally:
        _current.reset(token)

"""What comes out of a run: events, and the outcome at its end."""

from __future__ import annotations

from . import _abi
from ._core import parse_json

TYPE_CHECKING = False  # the module typing takes its time
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, NoReturn

    from ._channel import Bodies

EventKind = _abi.tau_event_kind
_EMPTY: dict[str, Any] = {}


class _Record:
    """An immutable value. A dataclass in all but the time that the module dataclasses takes to load."""

    __match_args__: tuple[str, ...] = ()
    _hidden = ""  # the member that is neither shown nor compared

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"cannot assign to {name}: {type(self).__name__} is immutable")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"cannot delete {name}: {type(self).__name__} is immutable")

    def _shown(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != self._hidden}

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, _Record) or type(other) is not type(self):
            return NotImplemented
        return self._shown() == other._shown()

    def __hash__(self) -> int:
        return hash(tuple(self._shown().values()))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in self._shown().items())})"


class Usage(_Record):
    """Sums over a run; cost in micro-dollars, 0 when prices are unknown."""

    __match_args__ = ("input_tokens", "output_tokens", "cached_input_tokens", "cost_usd_micros")
    input_tokens: int
    output_tokens: int
    cached_input_tokens: int
    cost_usd_micros: int

    def __init__(self, input_tokens: int = 0, output_tokens: int = 0, cached_input_tokens: int = 0,
                 cost_usd_micros: int = 0) -> None:
        members = self.__dict__
        members["input_tokens"] = input_tokens
        members["output_tokens"] = output_tokens
        members["cached_input_tokens"] = cached_input_tokens
        members["cost_usd_micros"] = cost_usd_micros

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Usage:
        get = value.get
        return cls(get("input_tokens", 0), get("output_tokens", 0), get("cached_input_tokens", 0),
                   get("cost_usd_micros", 0))


class Outcome(_Record):
    """How a run ended.

    status: "done", "cancelled" or "failed". code: the canonical code in lower case, "ok" when all went well. text: the
    final answer. output: the answer as JSON when a response schema was given (an instance of the class, when it was
    given as one). raw: the whole object.
    """

    __match_args__ = ("run_id", "status", "code", "text", "reason", "message", "turns", "finish", "usage", "output", "raw")
    _hidden = "raw"
    run_id: str
    status: str
    code: str
    text: str
    reason: str
    message: str
    turns: int
    finish: str
    usage: Usage
    output: Any
    raw: dict[str, Any]

    def __init__(self, run_id: str, status: str, code: str, text: str = "", reason: str = "", message: str = "",
                 turns: int = 0, finish: str = "", usage: Usage | None = None, output: Any = None,
                 raw: dict[str, Any] | None = None) -> None:
        members = self.__dict__
        members["run_id"] = run_id
        members["status"] = status
        members["code"] = code
        members["text"] = text
        members["reason"] = reason
        members["message"] = message
        members["turns"] = turns
        members["finish"] = finish
        members["usage"] = usage or Usage()
        members["output"] = output
        members["raw"] = raw or {}

    @property
    def ok(self) -> bool:
        return self.code == "ok"

    @classmethod
    def from_json(cls, run_id: str, value: dict[str, Any], decode: Callable[[Any], Any] | None = None) -> Outcome:
        """`decode` turns the structured answer into what the caller asked for."""
        get = value.get
        output = get("output")
        if decode is not None and output is not None:
            output = decode(output)
        return cls(run_id, value["status"], value["code"], get("text", ""), get("reason", ""), get("message", ""),
                   get("turns", 0), get("finish", ""), Usage.from_json(get("usage", _EMPTY)), output, value)


class Event:
    """One event of a run (docs/events.md). `text` is what its kind says it is; `body` is everything else."""

    outcome: Outcome | None = None  # of RUN_DONE
    _body: dict[str, Any] | None = None
    _bodies: Bodies | None = None  # where the body is as JSON; without it the members are all of the body
    _place = 0

    def __init__(self, kind: EventKind | int, run_id: str, call_id: str = "", text: str = "", first_seq: int = 0,
                 seq: int = 0) -> None:
        self.kind = kind
        self.run_id = run_id
        self.call_id = call_id
        self.text = text
        self.first_seq = first_seq
        self.seq = seq

    @property
    def name(self) -> str:
        """The kind as JSON names it: "tool_call"."""
        return self.kind.name.lower() if isinstance(self.kind, EventKind) else f"kind_{self.kind}"

    @property
    def body(self) -> dict[str, Any]:
        """The body, parsed at the first look."""
        bodies = self._bodies  # before _body: another thread sets that first, then takes this away
        if self._body is None:
            self._body = parse_json(bodies.at(self._place))[0] if bodies is not None else {
                "event": self.name, "run": self.run_id, "text": self.text,
                **({"call_id": self.call_id} if self.call_id else {})}
            self._bodies = None
        return self._body

    @property
    def arguments(self) -> Any:
        """Of a tool call or approval; the raw text when the model did not write JSON."""
        return self.body.get("arguments", self.body.get("arguments_text"))

    def absorb(self, other: Event) -> None:
        """Joins the following piece of the same stream to this one."""
        self.text += other.text
        self.seq = other.seq
        self._body = self._bodies = None

    def __repr__(self) -> str:
        text = self.text if len(self.text) <= 40 else self.text[:37] + "..."
        call = f", call_id={self.call_id!r}" if self.call_id else ""
        return f"Event({self.name}, {text!r}{call}, seq={self.seq})"

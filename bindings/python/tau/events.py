"""What comes out of a run: events, and the outcome at its end."""

import json
from dataclasses import dataclass, field
from typing import Any, Optional

from ._abi import tau_event_kind as EventKind


@dataclass(frozen=True)
class Usage:
    """Sums over a run; cost in micro-dollars, 0 when prices are unknown."""

    input_tokens: int = 0
    output_tokens: int = 0
    cached_input_tokens: int = 0
    cost_usd_micros: int = 0

    @classmethod
    def from_json(cls, value):
        return cls(**{name: value[name] for name in cls.__dataclass_fields__ if name in value})


@dataclass(frozen=True)
class Outcome:
    """How a run ended.

    status: "done", "cancelled" or "failed". code: the canonical code in lower case, "ok" when all went well. text: the
    final answer. output: the answer as JSON when a response schema was given (an instance of the class, when it was
    given as one). raw: the whole object.
    """

    run_id: str
    status: str
    code: str
    text: str = ""
    reason: str = ""
    message: str = ""
    turns: int = 0
    finish: str = ""
    usage: Usage = field(default_factory=Usage)
    output: Any = None
    raw: dict = field(default_factory=dict, repr=False, compare=False)

    @property
    def ok(self) -> bool:
        return self.code == "ok"

    @classmethod
    def from_json(cls, run_id, value, decode=None):
        """`decode` turns the structured answer into what the caller asked for."""
        output = value.get("output")
        if decode is not None and output is not None:
            output = decode(output)
        names = ("status", "code", "text", "reason", "message", "turns", "finish")
        return cls(run_id, output=output, usage=Usage.from_json(value.get("usage", {})), raw=value,
                   **{name: value[name] for name in names if name in value})


class Event:
    """One event of a run (docs/events.md). `text` is what its kind says it is; `body` is everything else."""

    __slots__ = ("kind", "run_id", "call_id", "text", "first_seq", "seq", "outcome", "_raw", "_body")

    def __init__(self, kind, run_id, call_id="", text="", first_seq=0, seq=0, raw=None):
        self.kind: EventKind = kind
        self.run_id: str = run_id
        self.call_id: str = call_id
        self.text: str = text
        self.first_seq: int = first_seq
        self.seq: int = seq
        self.outcome: Optional[Outcome] = None  # of RUN_DONE
        self._raw = raw
        self._body = None

    @property
    def name(self) -> str:
        """The kind as JSON names it: "tool_call"."""
        return self.kind.name.lower() if isinstance(self.kind, EventKind) else f"kind_{self.kind}"

    @property
    def body(self) -> dict:
        """The body, parsed at the first look."""
        if self._body is None:
            self._body = json.loads(self._raw) if self._raw else {
                "event": self.name, "run": self.run_id, "text": self.text,
                **({"call_id": self.call_id} if self.call_id else {})}
        return self._body

    @property
    def arguments(self) -> Any:
        """Of a tool call or approval; the raw text when the model did not write JSON."""
        return self.body.get("arguments", self.body.get("arguments_text"))

    def absorb(self, other):
        """Joins the following piece of the same stream to this one."""
        self.text += other.text
        self.seq = other.seq
        self._raw = self._body = None

    def __repr__(self):
        text = self.text if len(self.text) <= 40 else self.text[:37] + "..."
        call = f", call_id={self.call_id!r}" if self.call_id else ""
        return f"Event({self.name}, {text!r}{call}, seq={self.seq})"

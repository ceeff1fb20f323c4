"""Codecs between the dialects of model providers and neutral messages. Pure functions: no runtime, no network."""

from __future__ import annotations

import json

from . import _abi, _core
from ._abi import tau_wire_kind as Kind
from ._loader import lib

TYPE_CHECKING = False  # the module typing takes its time
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    Document = dict[str, Any] | str | bytes
    Json = dict[str, Any]


def decode(dialect: str, body: Document, kind: Kind = Kind.RESPONSE, quirks: Json | None = None) -> Json:
    """A document of a dialect as neutral JSON. quirks: habits of a provider, such as {"text_tool_calls": True}."""
    return _core.call_json(lib.tau_wire_decode, _core.text_in(dialect), kind, _core.json_in(quirks), _as_json(body))


def encode(dialect: str, neutral: Document, kind: Kind = Kind.REQUEST, quirks: Json | None = None) -> Json:
    """Neutral JSON as a document of a dialect."""
    return _core.call_json(lib.tau_wire_encode, _core.text_in(dialect), kind, _core.json_in(quirks), _as_json(neutral))


def decode_error(dialect: str, status: int, body: str | bytes, headers: dict[str, str] | None = None) -> Json:
    """The typed error that an answer with another HTTP status than 2xx stands for. headers: a dict of strings."""
    return _core.call_json(lib.tau_wire_decode_error, _core.text_in(dialect), status, _core.json_in(headers),
                           _core.text_in(body))


class Stream:
    """Decodes one streamed response: feed() bytes in any split, then end()."""

    def __init__(self, dialect: str, quirks: Json | None = None) -> None:
        self._handle = _core.Handle(
            _core.call_handle(lib.tau_wire_stream_new, _core.text_in(dialect),
                              _core.json_in(quirks)), lib.tau_wire_stream_free)

    def feed(self, data: bytes) -> list[Json]:
        """The events that these bytes complete; the last of a stream has the whole response."""
        return _lines(_core.call_text(lib.tau_wire_stream_feed, self._handle.pointer, _core.text_in(data)))

    def end(self) -> list[Json]:
        """The events that were left. UnavailableError "stream_truncated" when the stream did not come to its end."""
        try:
            return _lines(_core.call_text(lib.tau_wire_stream_end, self._handle.pointer))
        finally:
            self._handle.release()


class StreamEncoder:
    """Encodes one response as a dialect streams it: feed() the events that Stream gives, then end(). The stream of
    "bedrock_converse" is no text: feed_bytes() and end_bytes(), which do for every dialect."""

    def __init__(self, dialect: str) -> None:
        self._handle = _core.Handle(
            _core.call_handle(lib.tau_wire_stream_encoder_new, _core.text_in(dialect)),
            lib.tau_wire_stream_free)

    def feed(self, events: Iterable[Json]) -> str:
        """The text of these events; {"event": "error", "error": ...} ends a stream that fails."""
        return self.feed_bytes(events).decode()

    def feed_bytes(self, events: Iterable[Json]) -> bytes:
        """The bytes of these events."""
        lines = "".join(json.dumps(event) + "\n" for event in events)
        return _core.call_bytes(lib.tau_wire_stream_feed, self._handle.pointer, _core.text_in(lines))

    def end(self) -> str:
        """What was left. UnavailableError "stream_truncated" when no event ended the stream."""
        return self.end_bytes().decode()

    def end_bytes(self) -> bytes:
        """The same as bytes."""
        try:
            return _core.call_bytes(lib.tau_wire_stream_end, self._handle.pointer)
        finally:
            self._handle.release()


def _lines(text: str) -> list[Json]:
    # One list is read in half the time of its elements. Within JSON there is no line end.
    events: list[Json] = json.loads("[" + text.removesuffix("\n").replace("\n", ",") + "]")
    return events


def _as_json(value: Document) -> _abi.tau_str:
    return _core.text_in(value) if isinstance(value, (str, bytes)) else _core.json_in(value)

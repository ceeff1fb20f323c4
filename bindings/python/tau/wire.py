"""Codecs between the dialects of model providers and neutral messages. Pure functions: no runtime, no network."""

import json

from . import _abi, _core
from ._abi import tau_wire_kind as Kind
from ._core import lib


def decode(dialect, body, kind=Kind.RESPONSE, quirks=None) -> dict:
    """A document of a dialect as neutral JSON. quirks: habits of a provider, such as {"text_tool_calls": True}."""
    return _core.call_json(lib.tau_wire_decode, _core.text_in(dialect), kind, _core.json_in(quirks), _as_json(body))


def encode(dialect, neutral, kind=Kind.REQUEST, quirks=None) -> dict:
    """Neutral JSON as a document of a dialect."""
    return _core.call_json(lib.tau_wire_encode, _core.text_in(dialect), kind, _core.json_in(quirks), _as_json(neutral))


class Stream:
    """Decodes one streamed response: feed() bytes in any split, then end()."""

    def __init__(self, dialect, quirks=None):
        self._handle = _core.Handle(
            _core.call_handle(_abi.tau_wire_stream, lib.tau_wire_stream_new, _core.text_in(dialect),
                              _core.json_in(quirks)), lib.tau_wire_stream_free)

    def feed(self, data: bytes) -> list:
        """The events that these bytes complete; the last of a stream has the whole response."""
        return _lines(_core.call_text(lib.tau_wire_stream_feed, self._handle.pointer, _core.text_in(data)))

    def end(self) -> list:
        """The events that were left. UnavailableError "stream_truncated" when the stream did not come to its end."""
        try:
            return _lines(_core.call_text(lib.tau_wire_stream_end, self._handle.pointer))
        finally:
            self._handle.release()


def _lines(text):
    return [json.loads(line) for line in text.split("\n") if line]


def _as_json(value):
    return _core.text_in(value) if isinstance(value, (str, bytes)) else _core.json_in(value)

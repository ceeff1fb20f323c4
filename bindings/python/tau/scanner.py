"""Scanners: find secrets in text, whole or streamed, and take them out; URLs and signals of injection (tau/safety.h)."""

from __future__ import annotations

import json
from ctypes import byref

from . import _abi, _core
from ._loader import lib

TYPE_CHECKING = False  # the module typing takes its time
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, Literal

    from .runtime import Runtime

    Bytes = str | bytes | bytearray | memoryview


def check_url(url: str, rules: dict[str, Any] | None = None) -> dict[str, Any]:
    """Whether a URL may be reached: "verdict" is "allow", "deny" or, of a name whose addresses decide, "resolve".

    rules: "http", "ports", "any_port", "hosts", "denied_hosts", "private_origins", and of this URL "base" and the
    "addresses" that it leads to; as tau_url_check has them. Without: https to public hosts. Nothing is sent.
    """
    return _core.call_json(lib.tau_url_check, _core.text_in(url), _core.json_in(rules))


def injection_signals(text: Bytes, channel: str = "tool") -> list[dict[str, Any]]:
    """What in a text looks like an attempt to give a model orders: "family", "offset" in bytes, "score" from 0 to 1.

    channel: "tool" for what a tool returned, "user" for what a person wrote. Signals are no gate.
    """
    numbers = {"tool": _abi.tau_text_channel.TOOL, "user": _abi.tau_text_channel.USER}
    if channel not in numbers:
        raise ValueError(f"channel {channel!r} is none of tool, user")
    found: list[dict[str, Any]] = json.loads(
        _core.call_text(lib.tau_injection_signals, _core.text_in(text), numbers[channel]))
    return found


class Scanner:
    """The secrets and rules that are looked for. Any thread.

    rules: a bundle (docs/safety.md) over the built-in rules. use_rules: whether credentials are found that nobody
    registered. pii: classes of personal data to look for as well: "card", "email", "iban", "ip", "national_id", "phone";
    pii_action: "redact" takes it out, "signal" leaves it where it stands. Runtime.scanner is that of a runtime, through
    which every text of its runs passes.
    """

    def __init__(self, *, rules: dict[str, Any] | None = None, use_rules: bool = True, pii: Sequence[str] = (),
                 pii_action: Literal["redact", "signal"] = "redact") -> None:
        if pii_action not in ("redact", "signal"):
            raise ValueError(f'pii_action is "redact" or "signal", not {pii_action!r}')
        options = _core.options(_abi.tau_scanner_options)
        flags = _abi.tau_scanner_flags
        options.flags = (0 if use_rules else flags.EXACT) | (flags.PERSONAL_SIGNALS if pii_action == "signal" else 0)
        options.rules = _core.json_in(rules)
        options.pii = _core.json_in(list(pii) if pii else None)
        self._handle = _core.Handle(_core.call_handle(lib.tau_scanner_new, byref(options)), lib.tau_scanner_unref)

    @classmethod
    def _of(cls, runtime: Runtime) -> Scanner:
        scanner = cls.__new__(cls)
        scanner._handle = _core.Handle(_core.call_handle(lib.tau_runtime_scanner, runtime.pointer),
                                       lib.tau_scanner_unref)
        return scanner

    def add_secret(self, id: str, secret: Bytes) -> None:
        """Registers a secret, which is kept as keyed hashes; id: what findings call it."""
        _core.call(lib.tau_scanner_add_secret, self._handle.pointer, _core.text_in(id), _core.text_in(secret))

    def remove_secret(self, id: str) -> None:
        """Forgets every secret of an id; NotFoundError when there is none."""
        _core.call(lib.tau_scanner_remove_secret, self._handle.pointer, _core.text_in(id))

    def replace_rules(self, bundle: dict[str, Any]) -> None:
        _core.call(lib.tau_scanner_replace_rules, self._handle.pointer, _core.json_in(bundle))

    def describe(self) -> dict[str, Any]:
        """What is looked for: "epoch", "rules" and "secrets", as ids."""
        return _core.call_json(lib.tau_scanner_describe, self._handle.pointer)

    def scan(self, text: Bytes) -> list[dict[str, Any]]:
        """What stands in the text: "rule", "subject", "offset" and "length" in bytes, "fingerprint", "confidence", "signal"."""
        found: list[dict[str, Any]] = json.loads(
            _core.call_text(lib.tau_scanner_scan, self._handle.pointer, _core.text_in(text)))
        return found

    def redact(self, text: str) -> str:
        """The text with "[redacted:RULE]" in the place of what was found."""
        return _core.call_text(lib.tau_scanner_redact, self._handle.pointer, _core.text_in(text))

    def redactor(self) -> Redactor:
        """For one text that comes in pieces."""
        return Redactor(self)


class Redactor:
    """Takes secrets out of a text that comes in pieces. One thread at a time."""

    def __init__(self, scanner: Scanner) -> None:
        self._handle = _core.Handle(_core.call_handle(lib.tau_redactor_new, scanner._handle.pointer),
                                    lib.tau_redactor_free)

    def feed(self, piece: str) -> str:
        """What may go on: mostly all but the last word."""
        return _core.call_text(lib.tau_redactor_feed, self._handle.pointer, _core.text_in(piece))

    def flush(self) -> str:
        """What is held back, for a reader who has waited long enough."""
        return _core.call_text(lib.tau_redactor_flush, self._handle.pointer)

    def finish(self) -> str:
        """What is left; then it is ready for another text."""
        return _core.call_text(lib.tau_redactor_finish, self._handle.pointer)

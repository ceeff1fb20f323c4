"""The few idioms that every call into C shares: strings in and out, errors, handles."""

from __future__ import annotations

import atexit
import ctypes
import itertools
import json
import threading
from ctypes import addressof, byref, c_void_p

from . import _abi, errors
from ._loader import lib

TYPE_CHECKING = False  # the module typing takes its time
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeVar

    S = TypeVar("S", bound=ctypes.Structure)

_ABSENT = _abi.tau_str()
_spare_errors: list[tuple[c_void_p, int]] = []  # for calls to come: a NULL pointer, and its address
parse_json = json.JSONDecoder().raw_decode  # (value, end) of text that begins with JSON: what the library writes
json_text = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


def text_in(text: str | bytes | bytearray | memoryview | None) -> _abi.tau_str:
    """A tau_str for a str or bytes; absent for None. The result keeps the bytes alive."""
    if text is None:
        return _ABSENT
    if not isinstance(text, (str, bytes, bytearray, memoryview)):
        raise TypeError(f"expected text as str or bytes, got {type(text).__name__}")
    data = text.encode() if isinstance(text, str) else bytes(text)
    return _abi.tau_str(data, len(data))


def json_in(value: Any) -> _abi.tau_str:
    """A tau_str holding JSON; absent for None."""
    return _ABSENT if value is None else text_in(json_text(value))


def text_out(view: _abi.tau_str) -> str:
    """A copy of a borrowed view. Its data may hold NULs, so that it is read by length."""
    if not view.len:
        return ""
    return ctypes.string_at(ctypes.c_void_p.from_buffer(view).value or 0, view.len).decode()


def raise_error(status: int, error: int | None) -> None:
    """Raises what a failed call left behind, and frees it."""
    if error is None:
        raise errors.error_class(status)(lib.tau_status_name(status).decode())
    try:
        raise errors.from_fields(status, text_out(lib.tau_error_message(error)), text_out(lib.tau_error_reason(error)),
                                 text_out(lib.tau_error_details(error)), lib.tau_error_retryable(error),
                                 lib.tau_error_retry_after_ms(error))
    finally:
        lib.tau_error_free(error)


def call(function: Callable[..., int], *arguments: Any) -> int:
    """Calls a function that takes `err` last; its status when that is not negative, else the exception."""
    try:
        spare = _spare_errors.pop()
    except IndexError:
        error = c_void_p()
        spare = error, addressof(error)
    status = function(*arguments, spare[1])
    if status < 0:
        raise_error(status, spare[0].value)
    _spare_errors.append(spare)  # still NULL
    return status


def bytes_of(buffer: _abi.tau_buf) -> bytes:
    """A copy of what a function filled in."""
    data = ctypes.c_void_p.from_buffer(buffer).value
    return ctypes.string_at(data, buffer.len) if data and buffer.len else b""


def call_bytes(function: Callable[..., int], *arguments: Any) -> bytes:
    """The bytes that a function with `tau_buf *out, tau_error **err` last gives."""
    buffer = _abi.tau_buf()
    try:
        call(function, *arguments, byref(buffer))
        return bytes_of(buffer)
    finally:
        lib.tau_buf_free(byref(buffer))


def call_text(function: Callable[..., int], *arguments: Any) -> str:
    """The same as text."""
    return call_bytes(function, *arguments).decode()


def call_json(function: Callable[..., int], *arguments: Any) -> dict[str, Any]:
    document: dict[str, Any] = parse_json(call_text(function, *arguments))[0]
    return document


def call_handle(function: Callable[..., int], *arguments: Any) -> int:
    """The address of the object that a function with `tau_x **out, tau_error **err` last makes."""
    handle = c_void_p()
    call(function, *arguments, addressof(handle))
    return handle.value or 0


_keys = itertools.count(1)
_held: dict[int, tuple[Callable[[int], object], int]] = {}  # what gives each reference back, and its argument


def _give_back(key: int, held: dict[int, tuple[Callable[[int], object], int]] = _held) -> None:
    """Exactly once, since taking the entry out is one step. `held`: collection goes on when this module is torn down."""
    entry = held.pop(key, None)
    if entry is not None:
        entry[0](entry[1])


_STOP_MS = 1000


@atexit.register
def _give_all_back() -> None:
    """The youngest first. A thread that goes on meanwhile may be inside of a call with any of them: then runtimes are only
    stopped, which settles their sessions, and memory goes with the process."""
    if threading.active_count() > 1:
        for unref, pointer in list(_held.values()):
            if unref is lib.tau_runtime_unref:
                lib.tau_runtime_stop(pointer, _STOP_MS, None)
        return
    while _held:
        _, (unref, pointer) = _held.popitem()
        unref(pointer)


class Handle:
    """Owns one reference to a C object and gives it back exactly once: on release(), when it is collected, or when the
    program ends.

    Children keep their parents alive on the C side, so that collection may come in any order.
    """

    __slots__ = ("_key", "_pointer")

    def __init__(self, pointer: int, unref: Callable[[int], object]) -> None:
        self._key = next(_keys)
        self._pointer = pointer
        _held[self._key] = unref, pointer

    @property
    def pointer(self) -> int:
        if self._key not in _held:
            raise errors.FailedPreconditionError("the object was closed", reason="closed")
        return self._pointer

    @property
    def released(self) -> bool:
        return self._key not in _held

    def give_back_with(self, unref: Callable[[int], object]) -> None:
        """From now on with this function."""
        if self._key in _held:
            _held[self._key] = unref, self._pointer

    def release(self) -> None:
        _give_back(self._key)

    def __del__(self, give_back: Callable[[int], None] = _give_back) -> None:
        give_back(self._key)


_defaults: dict[type[ctypes.Structure], bytes] = {}


def options(kind: type[S]) -> S:
    """A struct of options with its defaults."""
    if kind not in _defaults:
        made = kind()
        getattr(lib, kind.__name__ + "_init")(byref(made), ctypes.sizeof(kind))
        _defaults[kind] = bytes(made)
    return kind.from_buffer_copy(_defaults[kind])

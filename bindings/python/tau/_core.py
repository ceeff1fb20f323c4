"""The few idioms that every call into C shares: strings in and out, errors, handles."""

import ctypes
import json
import weakref
from ctypes import POINTER, byref

from . import _abi, errors
from ._loader import lib

_ABSENT = _abi.tau_str(None, 0)


def text_in(text):
    """A tau_str for a str or bytes; absent for None. The result keeps the bytes alive."""
    if text is None:
        return _ABSENT
    if not isinstance(text, (str, bytes, bytearray, memoryview)):
        raise TypeError(f"expected text as str or bytes, got {type(text).__name__}")
    data = text.encode() if isinstance(text, str) else bytes(text)
    return _abi.tau_str(data, len(data))


def json_in(value):
    """A tau_str holding JSON; absent for None."""
    if value is None:
        return _ABSENT
    return text_in(json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")))


def text_out(view):
    """A copy of a borrowed view. Its data may hold NULs, so that it is read by length."""
    if not view.len:
        return ""
    return ctypes.string_at(ctypes.c_void_p.from_buffer(view).value, view.len).decode()


def raise_error(status, error):
    """Raises what a failed call left behind, and frees it."""
    if not error:
        raise errors.error_class(status)(lib.tau_status_name(status).decode())
    try:
        raise errors.from_fields(status, text_out(lib.tau_error_message(error)), text_out(lib.tau_error_reason(error)),
                                 text_out(lib.tau_error_details(error)), lib.tau_error_retryable(error),
                                 lib.tau_error_retry_after_ms(error))
    finally:
        lib.tau_error_free(error)


def call(function, *arguments):
    """Calls a function that takes `err` last; its status when that is not negative, else the exception."""
    error = POINTER(_abi.tau_error)()
    status = function(*arguments, byref(error))
    if status < 0:
        raise_error(status, error)
    return status


def call_text(function, *arguments):
    """The text that a function with `tau_buf *out, tau_error **err` last gives."""
    buffer = _abi.tau_buf()
    try:
        call(function, *arguments, byref(buffer))
        return ctypes.string_at(ctypes.c_void_p.from_buffer(buffer).value, buffer.len).decode() if buffer.len else ""
    finally:
        lib.tau_buf_free(byref(buffer))


def call_json(function, *arguments):
    return json.loads(call_text(function, *arguments))


def call_handle(kind, function, *arguments):
    """The object that a function with `kind **out, tau_error **err` last makes."""
    handle = POINTER(kind)()
    call(function, *arguments, byref(handle))
    return handle


class Handle:
    """Owns one reference to a C object and gives it back exactly once: on release(), or when it is collected.

    Children keep their parents alive on the C side, so that collection may come in any order.
    """

    def __init__(self, pointer, unref):
        self._pointer = pointer
        self._finalizer = weakref.finalize(self, unref, pointer)

    @property
    def pointer(self):
        if not self._finalizer.alive:
            raise errors.FailedPreconditionError("the object was closed", reason="closed")
        return self._pointer

    @property
    def released(self):
        return not self._finalizer.alive

    def release(self):
        self._finalizer()


def options(kind):
    """A struct of options with its defaults."""
    result = kind()
    getattr(lib, kind.__name__ + "_init")(byref(result), ctypes.sizeof(kind))
    return result

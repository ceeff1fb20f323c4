"""The few functions of the C API that the exams call, through ctypes."""

import ctypes
import json
from pathlib import Path

REQUEST, RESPONSE, EMBED_REQUEST, EMBED_RESPONSE = range(4)


class _Str(ctypes.Structure):
    _fields_ = [("data", ctypes.c_char_p), ("len", ctypes.c_size_t)]


class _Buf(ctypes.Structure):
    _fields_ = [("data", ctypes.c_void_p), ("len", ctypes.c_size_t), ("owner", ctypes.c_void_p)]


class _ScannerOptions(ctypes.Structure):
    _fields_ = [("struct_size", ctypes.c_uint32), ("flags", ctypes.c_uint32), ("rules", _Str), ("pii", _Str)]


class _RuntimeOptions(ctypes.Structure):
    _fields_ = [("struct_size", ctypes.c_uint32), ("flags", ctypes.c_uint32), ("home", _Str), ("workspace", _Str),
                ("config", _Str), ("loops", ctypes.c_uint32), ("workers", ctypes.c_uint32), ("log", ctypes.c_void_p),
                ("log_userdata", ctypes.c_void_p), ("log_level", ctypes.c_uint32), ("reserved", ctypes.c_uint32),
                ("exec_helper", _Str), ("vault", ctypes.c_void_p)]


class TauError(Exception):
    """A failed call: its status and reason as they are, and the message."""

    def __init__(self, status, reason, message):
        super().__init__(f"{status} {reason}: {message}")
        self.status = status
        self.reason = reason


def _view(text):
    """A half of a surrogate pair stays what it is: exams hold what is no Unicode text, too."""
    data = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
    return _Str(data, len(data))


def _json(value):
    return _view(json.dumps(value))


class Libtau:
    """The library of a build folder, or at a path."""

    def __init__(self, path):
        path = Path(path)
        self._lib = ctypes.CDLL(str(path / "capi" / "libtau.so" if path.is_dir() else path))
        err = ctypes.POINTER(ctypes.c_void_p)
        for name, result, arguments in (
                ("tau_wire_decode", ctypes.c_int32, [_Str, ctypes.c_uint32, _Str, _Str, ctypes.POINTER(_Buf), err]),
                ("tau_wire_encode", ctypes.c_int32, [_Str, ctypes.c_uint32, _Str, _Str, ctypes.POINTER(_Buf), err]),
                ("tau_wire_decode_error", ctypes.c_int32, [_Str, ctypes.c_uint32, _Str, _Str, ctypes.POINTER(_Buf), err]),
                ("tau_wire_stream_new", ctypes.c_int32, [_Str, _Str, ctypes.POINTER(ctypes.c_void_p), err]),
                ("tau_wire_stream_encoder_new", ctypes.c_int32, [_Str, ctypes.POINTER(ctypes.c_void_p), err]),
                ("tau_wire_stream_feed", ctypes.c_int32, [ctypes.c_void_p, _Str, ctypes.POINTER(_Buf), err]),
                ("tau_wire_stream_end", ctypes.c_int32, [ctypes.c_void_p, ctypes.POINTER(_Buf), err]),
                ("tau_wire_stream_free", None, [ctypes.c_void_p]),
                ("tau_policy_new", ctypes.c_int32, [_Str, ctypes.POINTER(ctypes.c_void_p), err]),
                ("tau_policy_decide", ctypes.c_int32, [ctypes.c_void_p, _Str, ctypes.POINTER(_Buf), err]),
                ("tau_policy_free", None, [ctypes.c_void_p]),
                ("tau_url_check", ctypes.c_int32, [_Str, _Str, ctypes.POINTER(_Buf), err]),
                ("tau_injection_signals", ctypes.c_int32, [_Str, ctypes.c_uint32, ctypes.POINTER(_Buf), err]),
                ("tau_scanner_new", ctypes.c_int32, [ctypes.c_void_p, ctypes.POINTER(ctypes.c_void_p), err]),
                ("tau_scanner_scan", ctypes.c_int32, [ctypes.c_void_p, _Str, ctypes.POINTER(_Buf), err]),
                ("tau_scanner_redact", ctypes.c_int32, [ctypes.c_void_p, _Str, ctypes.POINTER(_Buf), err]),
                ("tau_scanner_unref", None, [ctypes.c_void_p]),
                ("tau_redactor_new", ctypes.c_int32, [ctypes.c_void_p, ctypes.POINTER(ctypes.c_void_p), err]),
                ("tau_redactor_feed", ctypes.c_int32, [ctypes.c_void_p, _Str, ctypes.POINTER(_Buf), err]),
                ("tau_redactor_finish", ctypes.c_int32, [ctypes.c_void_p, ctypes.POINTER(_Buf), err]),
                ("tau_redactor_free", None, [ctypes.c_void_p]),
                ("tau_runtime_new", ctypes.c_int32, [ctypes.c_void_p, ctypes.POINTER(ctypes.c_void_p), err]),
                ("tau_runtime_stop", ctypes.c_int32, [ctypes.c_void_p, ctypes.c_int32, err]),
                ("tau_runtime_unref", None, [ctypes.c_void_p]),
                ("tau_memory_open", ctypes.c_int32, [ctypes.c_void_p, _Str, ctypes.POINTER(ctypes.c_void_p), err]),
                ("tau_memory_search", ctypes.c_int32,
                 [ctypes.c_void_p, _Str, ctypes.c_void_p, ctypes.c_size_t, ctypes.POINTER(_Buf), err]),
                ("tau_memory_perform", ctypes.c_int32,
                 [ctypes.c_void_p, _Str, ctypes.c_void_p, ctypes.c_size_t, ctypes.POINTER(_Buf), err]),
                ("tau_memory_unref", None, [ctypes.c_void_p]),
                ("tau_status_name", ctypes.c_char_p, [ctypes.c_int32]),
                ("tau_error_reason", _Str, [ctypes.c_void_p]),
                ("tau_error_message", _Str, [ctypes.c_void_p]),
                ("tau_error_free", None, [ctypes.c_void_p]),
                ("tau_buf_free", None, [ctypes.POINTER(_Buf)])):
            function = getattr(self._lib, name)
            function.restype = result
            function.argtypes = arguments

    def _call(self, function, *arguments):
        err = ctypes.c_void_p()
        status = function(*arguments, ctypes.byref(err))
        if status < 0:
            reason, message = (ctypes.string_at(view.data, view.len).decode() if view.len else ""
                               for view in (self._lib.tau_error_reason(err), self._lib.tau_error_message(err)))
            self._lib.tau_error_free(err)
            raise TauError(self._lib.tau_status_name(status).decode(), reason, message)

    def _bytes(self, function, *arguments):
        out = _Buf()
        self._call(function, *arguments, ctypes.byref(out))
        try:
            return ctypes.string_at(out.data, out.len)
        finally:
            self._lib.tau_buf_free(ctypes.byref(out))

    def _text(self, function, *arguments):
        return self._bytes(function, *arguments).decode()

    def decode(self, dialect, kind, body, quirks="{}"):
        """The neutral form of a document, as text."""
        return self._text(self._lib.tau_wire_decode, _view(dialect), kind, _view(quirks), _view(body))

    def encode(self, dialect, kind, neutral, quirks="{}"):
        """The document that a neutral form stands for, as text."""
        return self._text(self._lib.tau_wire_encode, _view(dialect), kind, _view(quirks), _view(neutral))

    def decode_error(self, dialect, http_status, body):
        """An answer that is an error, as a run would fail with it."""
        return json.loads(self._text(self._lib.tau_wire_decode_error, _view(dialect), http_status, _view(""), _view(body)))

    def _through(self, stream, pieces):
        """What a stream makes of the pieces, in all."""
        try:
            out = [self._bytes(self._lib.tau_wire_stream_feed, stream, _view(piece)) for piece in pieces]
            return b"".join([*out, self._bytes(self._lib.tau_wire_stream_end, stream)])
        finally:
            self._lib.tau_wire_stream_free(stream)

    def decode_pieces(self, dialect, pieces, quirks="{}"):
        """The events of an event stream, as lines of JSON."""
        stream = ctypes.c_void_p()
        self._call(self._lib.tau_wire_stream_new, _view(dialect), _view(quirks), ctypes.byref(stream))
        return self._through(stream, pieces)

    def encode_pieces(self, dialect, pieces):
        """The bytes of an event stream that says what the lines of JSON say."""
        stream = ctypes.c_void_p()
        self._call(self._lib.tau_wire_stream_encoder_new, _view(dialect), ctypes.byref(stream))
        return self._through(stream, pieces)

    def decode_stream(self, dialect, body, quirks="{}"):
        """The events of an event stream that arrives in one piece."""
        return [json.loads(line) for line in self.decode_pieces(dialect, [body], quirks).decode().splitlines()]

    def url_verdict(self, url, rules):
        return json.loads(self._text(self._lib.tau_url_check, _view(url), _json(rules)))

    def injection_families(self, text, from_user):
        found = json.loads(self._text(self._lib.tau_injection_signals, _view(text), int(from_user)))
        return [signal["family"] for signal in found]


class Policy:
    """One policy, for as long as the exam runs."""

    def __init__(self, library, document):
        self._library = library
        self._pointer = ctypes.c_void_p()
        library._call(library._lib.tau_policy_new, _json(document), ctypes.byref(self._pointer))

    def decide(self, call):
        library = self._library
        return json.loads(library._text(library._lib.tau_policy_decide, self._pointer, _json(call)))


class Scanner:
    """One scanner with the built-in rules, for as long as the exam runs."""

    def __init__(self, library, personal=()):
        """personal: the classes of personal data that are looked for beside credentials."""
        self._library = library
        self._pointer = ctypes.c_void_p()
        options = _ScannerOptions(ctypes.sizeof(_ScannerOptions), 0, _Str(), _json(list(personal)))
        library._call(library._lib.tau_scanner_new, ctypes.byref(options), ctypes.byref(self._pointer))

    def findings(self, text):
        return json.loads(self._library._text(self._library._lib.tau_scanner_scan, self._pointer, _view(text)))

    def redact(self, text):
        return self._library._bytes(self._library._lib.tau_scanner_redact, self._pointer, _view(text))

    def redact_pieces(self, pieces):
        """The same of a text that comes in pieces."""
        library, redactor = self._library, ctypes.c_void_p()
        library._call(library._lib.tau_redactor_new, self._pointer, ctypes.byref(redactor))
        try:
            out = [library._bytes(library._lib.tau_redactor_feed, redactor, _view(piece)) for piece in pieces]
            return b"".join([*out, library._bytes(library._lib.tau_redactor_finish, redactor)])
        finally:
            library._lib.tau_redactor_free(redactor)


class Runtime:
    """A runtime over a home, until it is closed."""

    def __init__(self, library, home, config):
        self.library = library
        self.pointer = ctypes.c_void_p()
        options = _RuntimeOptions(ctypes.sizeof(_RuntimeOptions), 0, _view(str(home)), _Str(), _json(config))
        library._call(library._lib.tau_runtime_new, ctypes.byref(options), ctypes.byref(self.pointer))

    def close(self):
        self.library._call(self.library._lib.tau_runtime_stop, self.pointer, -1)
        self.library._lib.tau_runtime_unref(self.pointer)


class Memory:
    """The memories of one scope."""

    def __init__(self, runtime, scope):
        self._library = runtime.library
        self._pointer = ctypes.c_void_p()
        self._library._call(self._library._lib.tau_memory_open, runtime.pointer, _json(scope), ctypes.byref(self._pointer))

    def _request(self, function, request):
        return json.loads(self._library._text(function, self._pointer, _json(request), None, 0))

    def search(self, request):
        return self._request(self._library._lib.tau_memory_search, request)

    def perform(self, request):
        return self._request(self._library._lib.tau_memory_perform, request)

    def close(self):
        self._library._lib.tau_memory_unref(self._pointer)

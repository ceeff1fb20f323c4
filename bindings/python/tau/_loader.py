"""Finds and loads the shared library, and checks that it speaks this package's ABI.

Looked at in order: TAU_LIBRARY in the environment; what the build or the installation wrote into _config.py; a copy
beside this file (wheels); the system's search path.
"""

from __future__ import annotations

import ctypes
import os

from . import _abi

_SONAME = f"libtau.so.{_abi.ABI_MAJOR}"
_PACKAGE = os.path.dirname(os.path.realpath(__file__))


def _configured() -> str | None:
    try:
        from ._config import LIBRARY
    except ImportError:
        return None
    return os.path.join(_PACKAGE, LIBRARY)  # an absolute LIBRARY stays as it is


def _candidates() -> str:
    """The first place that applies decides: a broken choice is an error, not a reason to take another library."""
    chosen = os.environ.get("TAU_LIBRARY") or _configured()
    if chosen:
        return chosen
    beside = os.path.join(_PACKAGE, _SONAME)
    return beside if os.path.exists(beside) else _SONAME


def load() -> _abi.Library:
    path = _candidates()
    try:
        library = ctypes.CDLL(path)
    except OSError as error:
        raise ImportError(f"tau: cannot load {path}: {error}; set TAU_LIBRARY to the path of {_SONAME}") from error
    check_abi(library, path)
    return _abi.bind(library)


def check_abi(library: ctypes.CDLL, path: str) -> None:
    try:
        function = library.tau_abi_version
    except AttributeError:
        raise ImportError(f"tau: {path} is not libtau") from None
    function.restype, function.argtypes = _abi.FUNCTIONS["tau_abi_version"]
    major, minor = divmod(function(), 1000)
    if major != _abi.ABI_MAJOR or minor < _abi.ABI_MINOR:
        raise ImportError(f"tau: {path} has ABI {major}.{minor}, this package needs {_abi.ABI_MAJOR}.{_abi.ABI_MINOR}")


lib = load()

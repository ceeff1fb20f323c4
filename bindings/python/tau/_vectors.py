"""Vectors on their way into C: float32 numbers, row by row."""

from __future__ import annotations

import ctypes
from array import array

TYPE_CHECKING = False  # the module typing takes its time
if TYPE_CHECKING:
    from typing import Any

_FLOAT = ctypes.sizeof(ctypes.c_float)


def floats_in(vectors: Any) -> tuple[Any, int]:
    """(a pointer for C, how many numbers), (None, 0) for None. The pointer keeps the numbers alive.

    vectors: anything with the buffer protocol that holds float32 or float64 numbers, bytes of float32 numbers, Embeddings, or
    sequences of numbers or of rows.
    """
    if vectors is None:
        return None, 0
    numbers = _numbers(getattr(vectors, "data", vectors) if hasattr(vectors, "input_tokens") else vectors)
    count = len(numbers)
    return (ctypes.c_float * count).from_buffer(numbers), count


def _numbers(vectors: Any) -> array[float]:
    out = array("f")
    try:
        view = memoryview(vectors)
    except TypeError:
        _collect(vectors, out)
        return out
    kind = view.format.lstrip("@=<")
    if kind == "d":
        out.extend(array("f", array("d", view.tobytes())))
    elif kind == "f" or (kind in ("B", "b", "c") and view.nbytes % _FLOAT == 0):
        out.frombytes(view.tobytes())
    else:
        raise TypeError(f"expected vectors of float32 or float64 numbers, got a buffer of format {view.format!r}")
    return out


def _collect(vectors: Any, out: array[float]) -> None:
    """Numbers, or rows of them."""
    if isinstance(vectors, (str, dict)) or not hasattr(vectors, "__iter__"):
        raise TypeError(f"expected vectors as a buffer or a list of numbers, got {type(vectors).__name__}")
    for each in vectors:
        if isinstance(each, (int, float)):
            out.append(each)
        elif isinstance(each, (list, tuple)):
            _collect(each, out)
        else:
            out.extend(_numbers(each))

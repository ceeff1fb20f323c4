"""Embeddings: the vectors of texts."""

from __future__ import annotations

from ._core import parse_json

TYPE_CHECKING = False  # the module typing takes its time
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any


class Embeddings:
    """Vectors in the order of their texts: rows are memoryviews of float32 numbers, all of one length.

    data: all of them, row by row, as bytes (float32, little-endian), for numpy.frombuffer and the like. dimensions: of each.
    model, input_tokens, cost_usd_micros (0 when the price is unknown), requests: what it took.
    """

    def __init__(self, data: bytes, report: dict[str, Any]) -> None:
        self.data = data
        self.dimensions: int = report["dimensions"]
        self.model: str = report["model"]
        self.input_tokens: int = report["input_tokens"]
        self.cost_usd_micros: int = report["cost_usd_micros"]
        self.requests: int = report["requests"]
        self._numbers = memoryview(data).cast("f")

    @classmethod
    def of(cls, data: bytes, report: bytes) -> Embeddings:
        return cls(data, parse_json(report.decode())[0])

    def __len__(self) -> int:
        return len(self._numbers) // self.dimensions

    def __getitem__(self, index: int) -> memoryview:
        count = len(self)
        if not -count <= index < count:
            raise IndexError(f"there are {count} vectors")
        begin = index % count * self.dimensions
        return self._numbers[begin:begin + self.dimensions]

    def __iter__(self) -> Iterator[memoryview]:
        return (self[index] for index in range(len(self)))

    def __repr__(self) -> str:
        return f"<tau.Embeddings {len(self)} of {self.dimensions} by {self.model}>"

"""The audit log: who did what under which verdict. Verified, read and summed up with or without a runtime."""

from __future__ import annotations

import os

from . import _core, errors
from ._loader import lib
from .runtime import _path

TYPE_CHECKING = False  # the module typing takes its time
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from .runtime import Path

_PAGE = 1000


def verify_audit(place: Path, *, head: str | None = None, public_key: str | None = None) -> dict[str, Any]:
    """Checks the log of a home, or one that is named itself: "ok", else "reason", "file" and "line" of the first bad record.

    head: one of audit_head() that was kept elsewhere. public_key: the key that must have signed, as 64 hexadecimal digits.
    """
    try:
        return _core.call_json(lib.tau_audit_verify, _path(place), _core.text_in(head), _core.text_in(public_key))
    except errors.DataLossError as error:
        if error.reason != "audit_log_damaged":
            raise
        return error.details


def read_audit(place: Path, cursor: str | None = None, limit: int = 0) -> dict[str, Any]:
    """"records" from a cursor on, at most `limit` (0: 1,000), and "next", the cursor to go on with.

    cursor: None for the first record, "-20" for the last twenty, or "next" of an earlier answer, which follows the log.
    """
    return _core.call_json(lib.tau_audit_read, _path(place), _core.text_in(cursor), limit)


def audit_records(place: Path) -> Iterator[dict[str, Any]]:
    """Yields every record that is there now, the oldest first."""
    cursor = None
    while True:
        page = read_audit(place, cursor, _PAGE)
        yield from page["records"]
        if len(page["records"]) + page["damaged"] < _PAGE:
            return
        cursor = page["next"]


def summarise_audit(*paths: Path, data: str | bytes | None = None) -> dict[str, Any]:
    """Sums of files, folders of logs and homes, and of `data`: this library's records, and those that Tau wrote."""
    names = [os.fsdecode(os.path.expanduser(path)) for path in paths]
    return _core.call_json(lib.tau_audit_summary, _core.json_in(names), _core.text_in(data))


def audit_head(place: Path) -> str:
    """The newest signed head of a log, to keep where the log is not. Runtime.audit_head() signs one first."""
    return _core.call_text(lib.tau_audit_head, None, _path(place))

"""Failures: one exception class per canonical code, all of them TauError."""

from __future__ import annotations

import json

from . import _abi

TYPE_CHECKING = False  # the module typing takes its time
if TYPE_CHECKING:
    from typing import Any

    from .events import Outcome

Status = _abi.tau_status


class TauError(Exception):
    """A failed call or run.

    status: the canonical code. reason: a stable snake_case word to branch on. message: for people. details: more
    facts. retryable: whether the same call may succeed later. retry_after_ms: how long the failing side asked to wait,
    or None. outcome: of a failed run, else None.
    """

    status = Status.UNKNOWN

    def __init__(self, message: str = "", *, reason: str = "", details: dict[str, Any] | None = None,
                 retryable: bool = False, retry_after_ms: int | None = None, outcome: Outcome | None = None) -> None:
        super().__init__(f"{message} [{reason}]" if reason else message)
        self.message = message
        self.reason = reason
        self.details = details or {}
        self.retryable = retryable
        self.retry_after_ms = retry_after_ms
        self.outcome = outcome


class RunCancelledError(TauError):
    status = Status.CANCELLED


class UnknownError(TauError):
    status = Status.UNKNOWN


class InvalidArgumentError(TauError, ValueError):
    status = Status.INVALID_ARGUMENT


class DeadlineExceededError(TauError, TimeoutError):
    status = Status.DEADLINE_EXCEEDED


class NotFoundError(TauError, LookupError):
    status = Status.NOT_FOUND


class AlreadyExistsError(TauError):
    status = Status.ALREADY_EXISTS


class PermissionDeniedError(TauError):
    status = Status.PERMISSION_DENIED


class ResourceExhaustedError(TauError):
    status = Status.RESOURCE_EXHAUSTED


class FailedPreconditionError(TauError):
    status = Status.FAILED_PRECONDITION


class AbortedError(TauError):
    status = Status.ABORTED


class OutOfRangeError(TauError, ValueError):
    status = Status.OUT_OF_RANGE


class UnimplementedError(TauError, NotImplementedError):
    status = Status.UNIMPLEMENTED


class InternalError(TauError):
    status = Status.INTERNAL


class UnavailableError(TauError):
    status = Status.UNAVAILABLE


class DataLossError(TauError):
    status = Status.DATA_LOSS


class UnauthenticatedError(TauError):
    status = Status.UNAUTHENTICATED


class ToolError(Exception):
    """Raised by a tool to tell the model that the call failed: a stable snake_case reason and a message."""

    def __init__(self, message: str, reason: str = "tool_failed") -> None:
        super().__init__(message)
        self.reason = reason


_CLASSES: dict[int, type[TauError]] = {cls.status: cls for cls in TauError.__subclasses__()}


def error_class(status: int | str) -> type[TauError]:
    """The exception class of a canonical code, given as a number or as its name in any case."""
    if isinstance(status, str):
        status = Status.__members__.get(status.upper(), Status.UNKNOWN)
    return _CLASSES.get(status, UnknownError)


def from_outcome(outcome: Outcome) -> TauError:
    return error_class(outcome.code)(outcome.message, reason=outcome.reason, outcome=outcome)


def from_fields(status: int, message: str, reason: str, details: str, retryable: int,
                retry_after_ms: int) -> TauError:
    return error_class(status)(message, reason=reason, details=json.loads(details) if details else None,
                               retryable=bool(retryable), retry_after_ms=None if retry_after_ms < 0 else retry_after_ms)

"""Failures: one exception class per canonical code, all of them TauError."""

import json

from ._abi import tau_status as Status


class TauError(Exception):
    """A failed call or run.

    status: the canonical code. reason: a stable snake_case word to branch on. message: for people. details: more
    facts. retryable: whether the same call may succeed later. retry_after_ms: how long the failing side asked to wait,
    or None. outcome: of a failed run, else None.
    """

    status = Status.UNKNOWN

    def __init__(self, message="", *, reason="", details=None, retryable=False, retry_after_ms=None, outcome=None):
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

    def __init__(self, message, reason="tool_failed"):
        super().__init__(message)
        self.reason = reason


_CLASSES = {cls.status: cls for cls in TauError.__subclasses__()}


def error_class(status):
    """The exception class of a canonical code, given as a number or as its name in any case."""
    if isinstance(status, str):
        status = Status.__members__.get(status.upper(), Status.UNKNOWN)
    return _CLASSES.get(status, UnknownError)


def from_outcome(outcome):
    return error_class(outcome.code)(outcome.message, reason=outcome.reason, outcome=outcome)


def from_fields(status, message, reason, details, retryable, retry_after_ms):
    return error_class(status)(message, reason=reason, details=json.loads(details) if details else None,
                               retryable=bool(retryable), retry_after_ms=None if retry_after_ms < 0 else retry_after_ms)

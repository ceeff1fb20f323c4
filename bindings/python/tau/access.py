"""Access: who may do what, who is admitted, and what is accepted once."""

from __future__ import annotations

from ctypes import byref

from . import _abi, _core, errors
from ._loader import lib
from .identity import _request, _text
from .vault import _path

TYPE_CHECKING = False  # the module typing takes its time
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Any, NoReturn

    from .identity import Document
    from .vault import Path


class Access:
    """What decides of others. A context manager: leaving it closes it.

    policy: roles and bindings (docs/access.md), as a dict or as text; without it nobody may do anything. audience: who asks
    for proofs and receives envelopes. state: file of what was accepted; without it a restart forgets, and refuses what
    was issued before.
    """

    def __init__(self, policy: Document | str | None = None, *, audience: str | None = None,
                 state: Path | None = None) -> None:
        options = _core.options(_abi.tau_access_options)
        options.policy, options.audience, options.state = _text(policy), _core.text_in(audience), _path(state)
        self._handle = _core.Handle(_core.call_handle(lib.tau_access_open, byref(options)), lib.tau_access_unref)

    def check(self, principal: str, action: str, resource: str) -> Document:
        """The rule that allows it; raises PermissionDeniedError "access_denied" with why as `details`."""
        return _core.call_json(lib.tau_access_check, self._handle.pointer, _core.text_in(principal),
                               _core.text_in(action), _core.text_in(resource))

    def explain(self, principal: str, action: str, resource: str) -> Document:
        """The same, allowed or not: "allowed", "reason", "explain" and the rule."""
        try:
            return self.check(principal, action, resource)
        except errors.PermissionDeniedError as denied:
            return denied.details

    def allows(self, principal: str, action: str, resource: str) -> bool:
        """Whether somebody may do something."""
        return self.explain(principal, action, resource).get("allowed") is True

    def challenge(self, purpose: str) -> Document:
        """Asks for a proof, to be answered by Identity.prove."""
        return self.perform("challenge", purpose=purpose)

    def verify_proof(self, proof: str, purpose: str, *, did: str | None = None,
                     documents: dict[str, Document] | None = None) -> Document:
        """Accepts the answer to a challenge once; "did" and "key_id" of who answered."""
        return self.perform("verify", kind="proof", proof=proof, purpose=purpose, did=did, documents=documents)

    def open_envelope(self, envelope: Document | str, payload: str, *,
                      documents: dict[str, Document] | None = None, now_ms: int | None = None) -> Document:
        """Accepts a message once in its whole validity; who sent it."""
        return self.perform("verify", kind="envelope", envelope=envelope, payload=payload, documents=documents,
                            now_ms=now_ms)

    def perform(self, op: str, **members: Any) -> Document:
        """Any request of tau/access.h: perform("pair", channel="telegram", actor="alice")."""
        return _core.call_json(lib.tau_access_perform, self._handle.pointer, _request({"op": op, **members}))

    def close(self) -> None:
        """Gives it back: with the last one who has it, the file is free for others. Harmless when it was closed."""
        self._handle.release()

    def __enter__(self) -> Access:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.close()

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        raise TypeError("an access is neither pickled nor copied")

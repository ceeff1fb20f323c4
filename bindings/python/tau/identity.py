"""Identities: Ed25519 keys, the DIDs they speak for, and what they sign."""

from __future__ import annotations

import json

from . import _abi, _core
from ._loader import lib
from .vault import Secret, _Bytes, _HIDDEN

TYPE_CHECKING = False  # the module typing takes its time
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Any, NoReturn

    from .vault import Bytes

    Document = dict[str, Any]

_Kind = _abi.tau_statement_kind


class Identity:
    """A key that signs. A context manager: leaving it closes it.

    seed: the private key, 32 bytes; without it a new key is made of the system's randomness. did: a did:web that the key
    speaks for, with "#name" where its document calls it something else; without it the did:key of the key.
    """

    def __init__(self, seed: Bytes | None = None, *, did: str | None = None) -> None:
        key = _Bytes(seed)
        if seed is not None and not key.size:
            raise ValueError("a private key has 32 bytes")
        self._handle = _core.Handle(
            _core.call_handle(lib.tau_identity_new, key.address, key.size, _core.text_in(did)), lib.tau_identity_unref)
        about = self.describe()
        self.did: str = about["did"]
        self.key_id: str = about["key_id"]

    def describe(self) -> Document:
        """The DID, the name of the key, the multikey and the DID document; no private key."""
        return _core.call_json(lib.tau_identity_describe, self._handle.pointer)

    def seed(self) -> Secret:
        """The private key, for a vault to keep."""
        return Secret(_core.Handle(_core.call_handle(lib.tau_identity_seed, self._handle.pointer), lib.tau_secret_free))

    def prove(self, challenge: Document, audience: str, purpose: str) -> str:
        """The answer to a challenge, when it is of whom we speak to and for what we want: a JWS."""
        return self._sign(_Kind.PROOF, challenge=challenge, audience=audience, purpose=purpose)

    def seal(self, payload: str, audience: str, id: str, *, issuer: str | None = None, key_id: str | None = None,
             issued_ms: int | None = None, expires_ms: int | None = None) -> Document:
        """The envelope of a message; the message travels beside it. It is valid for five minutes unless told else."""
        return _parsed(self._sign(_Kind.ENVELOPE, payload=payload, audience=audience, id=id, issuer=issuer, key_id=key_id,
                                  issued_ms=issued_ms, expires_ms=expires_ms))

    def sign_card(self, card: Document, *, issued_s: int | None = None, expires_s: int | None = None) -> Document:
        """The agent card with one signature more, for 90 days unless told else."""
        return _parsed(self._sign(_Kind.CARD, card=card, issued_s=issued_s, expires_s=expires_s))

    def sign_roots(self, roots: Document) -> Document:
        """The list of trust roots with the signature of this key."""
        return _parsed(self._sign(_Kind.ROOTS, list=roots))

    def _sign(self, kind: int, **request: Any) -> str:
        return _core.call_text(lib.tau_identity_sign, self._handle.pointer, kind, _request(request))

    def close(self) -> None:
        """Gives it back: with the last one who has it, the key is wiped. Harmless when it was closed."""
        self._handle.release()

    def __enter__(self) -> Identity:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Identity({self.did!r}, seed={_HIDDEN})"

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        raise TypeError("an identity is neither pickled nor copied")


def verify_card(card: Document | str, *, did: str | None = None, documents: dict[str, Document] | None = None,
                now_ms: int | None = None) -> Document:
    """Who signed an agent card and until when; raises TauError when nobody did who may.

    did: who is expected. documents: of each did:web that may have signed it, by DID.
    """
    return _verify(_Kind.CARD, card, did=did, documents=documents, now_ms=now_ms)


def verify_roots(roots: Document | str, *, digest: str | None = None, previous: Document | None = None,
                 now_ms: int | None = None) -> Document:
    """The version and the digest of a list of trust roots: the first one, of that digest, or the one that follows."""
    return _verify(_Kind.ROOTS, roots, digest=digest, previous=previous, now_ms=now_ms)


def resolve_did(did: str, document: Document | str | None = None) -> Document:
    """The document of a DID and its keys. document: of a did:web, as it stands at its address."""
    return _core.call_json(lib.tau_did_resolve, _core.text_in(did), _text(document))


def _verify(kind: int, statement: Document | str, **request: Any) -> Document:
    return _core.call_json(lib.tau_identity_verify, kind, _text(statement), _request(request))


def _request(members: Document) -> _abi.tau_str:
    return _core.json_in({key: value for key, value in members.items() if value is not None})


def _text(document: Document | str | None) -> _abi.tau_str:
    return _core.text_in(document) if document is None or isinstance(document, str) else _core.json_in(document)


def _parsed(text: str) -> Document:
    document: Document = json.loads(text)
    return document

"""The vault: secrets in one encrypted file, each bound to the origin that may see it."""

from __future__ import annotations

import ctypes
import os
from ctypes import byref

from . import _abi, _core
from ._loader import lib

TYPE_CHECKING = False  # the module typing takes its time
if TYPE_CHECKING:
    import datetime
    from types import TracebackType
    from typing import Any, NoReturn

    Path = str | bytes | os.PathLike[str] | os.PathLike[bytes]
    Bytes = bytes | bytearray | memoryview
    Time = datetime.datetime | float | None

_HIDDEN = "[REDACTED]"


class _Bytes:
    """Bytes that C reads in place, for as long as this lives. Text is refused: a str stays in memory for who knows how
    long."""

    def __init__(self, value: Bytes | None) -> None:
        if value is not None and not isinstance(value, (bytes, bytearray, memoryview)):
            raise TypeError(f"expected a secret as bytes, got {type(value).__name__}")
        if isinstance(value, memoryview) and (value.readonly or not value.contiguous):
            value = bytes(value)
        self.size = 0 if value is None else memoryview(value).nbytes
        self.owner: Any = value
        if not self.size:
            self.address = None
        elif isinstance(value, bytes):
            self.address = ctypes.cast(ctypes.c_char_p(value), ctypes.c_void_p).value
        else:
            self.owner = (ctypes.c_char * self.size).from_buffer(value)  # type: ignore[arg-type]
            self.address = ctypes.addressof(self.owner)


class VaultKey:
    """One way into a vault. Exactly one of the first five says which.

    passphrase: bytes, at least 12; opening takes about 300 ms. key_file: a private file of 64 hexadecimal digits.
    key_variable: an environment variable of the same; needs `environment=True`. keyring: an entry of the kernel's user
    keyring, which lasts until a restart. key: 32 bytes of the program's. label: its name in the vault. make: the file
    or the entry does not exist and is made with a random key.
    """

    def __init__(self, *, passphrase: Bytes | None = None, key_file: Path | None = None,
                 key_variable: str | None = None, keyring: str | None = None, key: Bytes | None = None,
                 label: str | None = None, make: bool = False) -> None:
        kinds = _abi.tau_vault_key_kind
        given = [(kind, value) for kind, value in (
            (kinds.PASSPHRASE, passphrase), (kinds.FILE, key_file), (kinds.ENVIRONMENT, key_variable),
            (kinds.KEYRING, keyring), (kinds.CALLBACK, key)) if value is not None]
        if len(given) != 1:
            raise TypeError("name one key: passphrase, key_file, key_variable, keyring or key")
        self._bytes = _Bytes(passphrase if passphrase is not None else key)
        self._c = _core.options(_abi.tau_vault_key)
        self._c.kind = given[0][0]
        self._c.flags = _abi.tau_vault_key_flags.MAKE * bool(make)
        self._c.secret, self._c.secret_len = self._bytes.address, self._bytes.size
        if key_file is not None:
            self._c.name = _path(key_file)
        else:
            self._c.name = _core.text_in(key_variable if key_variable is not None else keyring)
        self._c.label = _core.text_in(label)

    def __repr__(self) -> str:
        return f"VaultKey({_abi.tau_vault_key_kind(self._c.kind).name.lower()})"

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        raise TypeError("a key of a vault is neither pickled nor copied")


class Secret:
    """Bytes that show themselves to nobody who does not ask. Wiped when it is closed, collected, or its `with` ends."""

    __slots__ = ("_handle",)

    def __init__(self, handle: _core.Handle) -> None:
        self._handle = handle

    def reveal(self) -> bytearray:
        """A copy of the bytes, which the caller wipes."""
        pointer = self._handle.pointer
        size = lib.tau_secret_len(pointer)
        copy = bytearray(size)
        if size:
            target = (ctypes.c_char * size).from_buffer(copy)
            ctypes.memmove(target, lib.tau_secret_data(pointer), size)
        return copy

    def __len__(self) -> int:
        return lib.tau_secret_len(self._handle.pointer)

    def __bool__(self) -> bool:
        return True

    def close(self) -> None:
        """Wipes it. Harmless when that was done."""
        self._handle.release()

    def __enter__(self) -> Secret:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.close()

    def __repr__(self) -> str:
        return _HIDDEN

    def __format__(self, spec: str) -> str:
        return _HIDDEN

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        raise TypeError("a secret is neither pickled nor copied")


class Vault:
    """Secrets in one file. Values go in as bytes and come out as Secret. A context manager: leaving it closes it.

    path: the file. create: make it. environment: whether a key may come from the environment. read_only: every change
    fails. anchor: file that remembers how far the vault has come, so that an older copy is noticed. least_epoch: an
    earlier epoch of describe() is refused. Every other keyword is one of VaultKey: the key that opens it.
    """

    def __init__(self, path: Path, *, create: bool = False, environment: bool = False, read_only: bool = False,
                 anchor: Path | None = None, least_epoch: int = 0, **key: Any) -> None:
        flag = _abi.tau_vault_flags
        options = _core.options(_abi.tau_vault_options)
        options.flags = (flag.CREATE * bool(create) | flag.USE_ENVIRONMENT * bool(environment)
                         | flag.READ_ONLY * bool(read_only))
        options.path, options.anchor, options.least_epoch = _path(path), _path(anchor), least_epoch
        way = VaultKey(**key)
        self._handle = _core.Handle(_core.call_handle(lib.tau_vault_open, byref(options), byref(way._c)),
                                    lib.tau_vault_unref)

    @property
    def pointer(self) -> int:
        return self._handle.pointer

    def put(self, name: str, value: Bytes, origin: str | None = None, *, expires: Time = None) -> None:
        """Stores a secret for one origin, in the place of all versions of an old one.

        name: "provider/openai", "provider/openai#field" or a reference "secret://…". origin: "https://host"; without
        one it is for local use. expires: a datetime or seconds since 1970.
        """
        data = _Bytes(value)
        _core.call(lib.tau_vault_put, self.pointer, _core.text_in(name), data.address, data.size,
                   _core.text_in(origin), _time_ms(expires))

    def get(self, name: str, origin: str | None = None, *, version: int = 0) -> Secret:
        """The secret of that name, for its origin. version: the one before while it lasts; else the current one."""
        handle = _core.call_handle(lib.tau_vault_get, self.pointer, _core.text_in(name), _core.text_in(origin), version)
        return Secret(_core.Handle(handle, lib.tau_secret_free))

    def rotate_secret(self, name: str, value: Bytes, *, grace: float = 0, expires: Time = None) -> None:
        """Gives a secret a new version; the one before stays readable by its number for `grace` seconds."""
        data = _Bytes(value)
        _core.call(lib.tau_vault_rotate_secret, self.pointer, _core.text_in(name), data.address, data.size,
                   int(grace * 1000), _time_ms(expires))

    def revoke(self, name: str) -> None:
        """Erases every version; the name stays, so that who asks for it is told."""
        _core.call(lib.tau_vault_revoke, self.pointer, _core.text_in(name))

    def remove(self, name: str) -> None:
        """Erases a secret, its name included."""
        _core.call(lib.tau_vault_remove, self.pointer, _core.text_in(name))

    def set_expiry(self, name: str, expires: Time) -> None:
        """Until when the current version may be used; None: for ever."""
        _core.call(lib.tau_vault_set_expiry, self.pointer, _core.text_in(name), _time_ms(expires))

    def describe(self) -> dict[str, Any]:
        """What is in it: names, origins, states, times, keys. No value."""
        return _core.call_json(lib.tau_vault_describe, self.pointer)

    def drop_damaged(self) -> None:
        """Erases the records that are damaged."""
        _core.call(lib.tau_vault_drop_damaged, self.pointer)

    def add_key(self, **key: Any) -> None:
        """Adds a way in; keywords are those of VaultKey."""
        way = VaultKey(**key)
        _core.call(lib.tau_vault_add_key, self.pointer, byref(way._c))

    def remove_key(self, label: str) -> None:
        """Removes a way in."""
        _core.call(lib.tau_vault_remove_key, self.pointer, _core.text_in(label))

    def rotate_keys(self, **key: Any) -> None:
        """A new master key that the given key alone opens, and a new key of the secrets; without a key only the latter."""
        way = VaultKey(**key) if key else None
        _core.call(lib.tau_vault_rotate_keys, self.pointer, None if way is None else byref(way._c))

    def import_file(self, path: Path, passphrase: Bytes | None = None, *,
                    origins: dict[str, str] | None = None) -> dict[str, Any]:
        """Takes over the secrets of a credential file of Tau; what went in, and what did not and why."""
        data = _Bytes(passphrase)
        return _core.call_json(lib.tau_vault_import, self.pointer, _path(path), data.address, data.size,
                               _core.json_in(origins))

    def close(self) -> None:
        """Gives it back: with the last one who has it, the keys are wiped. Harmless when it was closed."""
        self._handle.release()

    def __enter__(self) -> Vault:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.close()

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        raise TypeError("a vault is neither pickled nor copied")


def _time_ms(when: Time) -> int:
    if when is None:
        return 0
    seconds = when if isinstance(when, (int, float)) else when.timestamp()
    return int(seconds * 1000)


def _path(value: Path | None) -> _abi.tau_str:
    return _core.text_in(None if value is None else os.fsencode(os.path.expanduser(value)))

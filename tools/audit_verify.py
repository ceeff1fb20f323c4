#!/usr/bin/env python3
"""Verifies an audit log of libtau without libtau: says "ok", or names the first bad record by file and line.

Standard library alone, and no code of the writer: it follows docs/audit.md. Verify a copy of the folder, or one that
nobody writes to. Exit status: 0 all is well, 1 the log or a head is not what it should be, 2 it could not be read.
"""

import argparse
import hashlib
import hmac
import json
import re
import sys
from pathlib import Path

NO_HASH = "0" * 64
MOST_LINE, MOST_HEAD = 64 * 1024, 4096
NAME = re.compile(r"audit-([0-9]{20})\.jsonl\Z")
UINT, INT, HEX = rb"(0|[1-9][0-9]*)(?![0-9])", rb"(0|-?[1-9][0-9]*)(?![0-9])", rb"([0-9a-f]{64})"
VERSION = re.compile(rb'\{"v":' + UINT)
LINE = re.compile(rb'\{"v":1,"seq":' + UINT + rb',"time_ms":' + INT + rb'.*,"prev":"' + HEX + rb'","hash":"' + HEX + rb'"\}\Z',
                  re.DOTALL)
HEAD = re.compile(rb'\{"v":1,"first_seq":' + UINT + rb',"first_prev":"' + HEX + rb'","seq":' + UINT + rb',"hash":"' + HEX
                  + rb'","time_ms":' + INT + rb',"alg":"([\w.:-]{1,128})","key":"([\w.:-]{0,128})","sig":"((?:[0-9a-f]{2})*)"\}\n\Z')
UNHASHED = len(',"hash":""}') + 64
SIGNATURE_DOMAIN = b"tau-audit-head\n"


class Fault(Exception):
    """What is wrong, in which file, in which line (0: the file as a whole)."""

    def __init__(self, reason, file, line):
        super().__init__(f"{file}:{line}: {reason}")
        self.reason, self.file, self.line = reason, file, line


def fits(digits, bits):
    """Numbers of a log are 64 bits wide, as its writer's are."""
    return len(digits) <= 20 and -(1 << 63) <= int(digits) < 1 << bits


def refuse_constant(text):
    raise ValueError(f"{text} is no JSON")


class Keys:
    """The keys whose signatures count. With none no signature is looked at."""

    def __init__(self, mac_keys, public_keys):
        self.mac = {hmac.new(key, b"tau-audit-key-id", "sha256").hexdigest()[:16]: key for key in mac_keys}
        self.public = public_keys

    def check(self, algorithm, key_id, message, signature):
        """The reason why a signature does not count, or None."""
        if not self.mac and not self.public:
            return None
        if algorithm == "hmac-sha256" and key_id in self.mac:
            right = hmac.new(self.mac[key_id], message, "sha256").digest()
            return None if hmac.compare_digest(right, signature) else "bad_signature"
        if algorithm == "ed25519" and self.public:
            import audit_ed25519  # the one algorithm that hashlib does not have
            good = any(audit_ed25519.verify(key, message, signature) for key in self.public)
            return None if good else "bad_signature"
        return "unknown_key"


class Head:
    """What was signed: the first record that has to be there, and the last."""

    def __init__(self, text, file, keys):
        found = HEAD.match(text) if len(text) <= MOST_HEAD else None
        if not found or not all(fits(found[i], 64) for i in (1, 3)) or not fits(found[5], 63):
            raise Fault("bad_head", file, 1)
        self.first_seq, self.first_prev = int(found[1]), found[2].decode()
        self.seq, self.hash = int(found[3]), found[4].decode()
        self.algorithm, self.key_id = found[6].decode(), found[7].decode()
        if self.first_seq == 0 or self.seq < self.first_seq:
            raise Fault("bad_head", file, 1)
        message = SIGNATURE_DOMAIN + text[:text.rindex(b',"sig":"')]
        reason = keys.check(self.algorithm, self.key_id, message, bytes.fromhex(found[8].decode()))
        if reason:
            raise Fault(reason, file, 1)


class Chain:
    """Follows the records; `known` are (sequence, hash) pairs that it has to pass through."""

    def __init__(self, known):
        self.known = known
        self.seq, self.hash, self.records = None, None, 0

    def agree(self, file, line):
        if any(seq == self.seq and digest != self.hash for seq, digest in self.known):
            raise Fault("head_mismatch", file, line)

    def begin_file(self, first_seq, file):
        if self.seq is None:
            self.seq = first_seq - 1
            found = [digest for seq, digest in self.known if seq == self.seq]
            if found:
                self.hash = found[-1]
                self.agree(file, 0)
        elif first_seq != self.seq + 1:
            raise Fault("records_missing" if first_seq > self.seq + 1 else "bad_sequence", file, 0)

    def record(self, line, file, number):
        version = VERSION.match(line)
        if not version or not fits(version[1], 64):
            raise Fault("bad_form", file, number)
        if version[1] != b"1":
            raise Fault("unknown_version", file, number)
        found = LINE.match(line)
        if not found or not fits(found[1], 64) or not fits(found[2], 63):
            raise Fault("bad_form", file, number)
        seq, prev, digest = int(found[1]), found[3].decode(), found[4].decode()
        if hashlib.blake2b(line[:-UNHASHED], digest_size=32).hexdigest() != digest:
            raise Fault("bad_hash", file, number)
        try:
            json.loads(line.decode(), parse_constant=refuse_constant)
        except (ValueError, RecursionError):
            raise Fault("bad_form", file, number) from None
        if seq != self.seq + 1:
            raise Fault("bad_sequence", file, number)
        if self.hash is not None and prev != self.hash:
            raise Fault("bad_link", file, number)
        self.seq, self.hash, self.records = seq, digest, self.records + 1
        self.agree(file, number)


def walk(folder, chain, first_seq):
    """Passes every line of every file to the chain; returns the last file's name and how many lines it has."""
    names = sorted(name for name in (path.name for path in folder.iterdir()) if NAME.match(name))
    names = [name for name in names if 0 < int(NAME.match(name)[1]) < 1 << 64]
    if not names:
        raise Fault("records_missing", "", 1)
    if int(NAME.match(names[0])[1]) > first_seq:
        raise Fault("records_missing", names[0], 0)
    empty, name, number = None, "", 0
    for name in names:
        if empty:
            raise Fault("empty_file", empty, 0)
        chain.begin_file(int(NAME.match(name)[1]), name)
        number = 0
        with open(folder / name, "rb") as stream:
            while line := stream.readline(MOST_LINE + 1):
                number += 1
                if len(line) > MOST_LINE:
                    raise Fault("line_too_long", name, number)
                if not line.endswith(b"\n"):
                    raise Fault("torn_line", name, number)
                chain.record(line[:-1], name, number)
        empty = name if number == 0 else None
    return name, number


def verify(folder, anchored, keys):
    """What is there and what is signed, as a dictionary; raises Fault at the first thing that is wrong."""
    if not folder.is_dir():
        raise NotADirectoryError(f"{folder} is no folder")
    kept = Head(anchored, "anchored head", keys) if anchored else None
    try:
        with open(folder / "head.json", "rb") as stream:
            text = stream.read(MOST_HEAD + 1)
    except FileNotFoundError:
        text = b""
    own = Head(text, "head.json", keys) if text else None
    head = own or kept
    if head is None:
        raise Fault("head_missing", "head.json", 1)
    if own and kept:
        if own.seq < kept.seq:
            raise Fault("head_replayed", "head.json", 1)
        if kept.seq + 1 < own.first_seq:
            raise Fault("head_too_old", "anchored head", 1)
    known = [(0, NO_HASH), (head.first_seq - 1, head.first_prev), (head.seq, head.hash)]
    if own and kept:
        known.append((kept.seq, kept.hash))
    chain = Chain(known)
    file, lines = walk(folder, chain, head.first_seq)
    if chain.seq < max(seq for seq, _ in known):
        raise Fault("records_missing", file, lines + 1)
    return {"ok": True, "records": chain.records, "first_seq": chain.seq - chain.records + 1, "last_seq": chain.seq,
            "last_hash": chain.hash, "signed_seq": min(head.seq, chain.seq), "alg": head.algorithm, "key": head.key_id}


def main(argv):
    parser = argparse.ArgumentParser(prog="audit_verify.py", description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="the folder of the log")
    parser.add_argument("--head", type=Path, help="a head that was kept elsewhere")
    parser.add_argument("--mac-key", type=Path, action="append", default=[], metavar="FILE",
                        help="a key of hmac-sha256, as hexadecimal digits (may be repeated)")
    parser.add_argument("--public-key", action="append", default=[], metavar="HEX",
                        help="a public key of ed25519 (may be repeated)")
    parser.add_argument("--all-signed", action="store_true", help="records behind the last head are a fault")
    parser.add_argument("--json", action="store_true", help="one line of JSON")
    args = parser.parse_args(argv)
    try:
        keys = Keys([bytes.fromhex(path.read_text().strip()) for path in args.mac_key],
                    [bytes.fromhex(text) for text in args.public_key])
        result = verify(args.folder, args.head.read_bytes() if args.head else b"", keys)
        if args.all_signed and result["signed_seq"] < result["last_seq"]:
            raise Fault("unsigned_records", "head.json", 1)
    except Fault as fault:
        result = {"ok": False, "reason": fault.reason, "file": fault.file, "line": fault.line}
    except (OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    if args.json:
        print(json.dumps(result))
    elif result["ok"]:
        signed = "signature not checked" if not args.mac_key and not args.public_key else f"signed with {result['key']}"
        print(f"ok: records {result['first_seq']} to {result['last_seq']}, up to {result['signed_seq']} {signed}")
    else:
        print(f"{result['file']}:{result['line']}: {result['reason']}")
    return 0 if result["ok"] else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

#!/usr/bin/env python3
"""A model server that fails by seed in every way a provider can: for trying a route, or a client, before a bad day does.

It listens on 127.0.0.1 on --count ports of the kernel's choice, prints them as its first line, and speaks the dialects
of model_server.py on each. What happens to a request depends on the seed, the port's place and how many requests
that port had: the same seed gives the same day. --log FILE appends one JSON line for each request with what was done.

Most requests are answered with words of their own, "<place.request.word>", so that a repeated or lost word shows.
--faults takes names, and "all" (default):

  before a byte: hang, close, reset, refuse (the port is closed for a while), reset_reused (only on a connection that
    had a request before)
  as an answer: retry_after_seconds, retry_after_date, retry_after_ms, retry_delay (Google's), limited, no_credit (402),
    quota (429), server_error (500), bad_gateway (502, HTML), unavailable (503), overloaded (529), unauthorized (401)
  as a 200: empty, html, error_inside (the dialect's own form in the stream), error_whole, garbage, wrong_length,
    two_lengths, huge_line
  in mid-answer: cut, cut_reset, cut_utf8, stall, drip (a byte at a time), late_error, late_garbage, duplicate (one event
    twice), no_end, late_bytes (behind the end)
"""

import argparse
import json
import random
import socket
import struct
import sys
import threading
import time
from email.utils import formatdate

from model_dialects import OpenAi, dialect_at

WORDS = 8
HANG_S = 30
MAX_REQUEST = 64 << 20
EARLY = ("hang", "close", "reset", "refuse", "reset_reused")
ANSWERS = {
    "retry_after_seconds": (429, {"Retry-After": "2"}),
    "retry_after_date": (429, {"Retry-After": "date"}),
    "retry_after_ms": (429, {"retry-after-ms": "1500"}),
    "retry_delay": (429, {}),
    "limited": (429, {}),
    "no_credit": (402, {}),
    "quota": (429, {}),
    "server_error": (500, {}),
    "bad_gateway": (502, {}),
    "unavailable": (503, {}),
    "overloaded": (529, {}),
    "unauthorized": (401, {}),
}
AS_200 = ("empty", "html", "error_inside", "error_whole", "garbage", "wrong_length", "two_lengths", "huge_line")
LATE = ("cut", "cut_reset", "cut_utf8", "stall", "drip", "late_error", "late_garbage", "duplicate", "no_end", "late_bytes")
FAULTS = (*EARLY, *ANSWERS, *AS_200, *LATE)


class Gone(Exception):
    """This connection ends here."""


def read_request(connection, pending):
    """(method, path, body, rest, whether it is the last) of the next request, or None at the end of the connection."""
    while b"\r\n\r\n" not in pending:
        got = connection.recv(65536)
        if not got or len(pending) > MAX_REQUEST:
            return None
        pending += got
    head, _, rest = pending.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    length = 0
    last = False
    for line in lines[1:]:
        name, _, value = line.partition(":")
        last = last or (name.lower(), value.strip().lower()) == ("connection", "close")
        if name.lower() == "content-length" and value.strip().isdigit():
            length = min(int(value), MAX_REQUEST)
    while len(rest) < length:
        got = connection.recv(65536)
        if not got:
            return None
        rest += got
    parts = lines[0].split(" ")
    return parts[0], parts[1].split("?")[0] if len(parts) > 1 else "/", rest[:length], rest[length:], last


class Upstream:
    """One port and its faults."""

    def __init__(self, owner, place):
        self.owner = owner
        self.place = place
        self.served = 0
        self.lock = threading.Lock()
        self.listener = None
        self.port = 0
        self.listen()

    def listen(self):
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(("127.0.0.1", self.port))
        self.listener.listen(256)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, args=(self.listener,), daemon=True).start()

    def accept(self, listener):
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def refuse_for(self, seconds):
        """Closes the port, and opens it again later."""
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

        def again():
            if not self.owner.ended.wait(seconds):
                self.listen()

        threading.Thread(target=again, daemon=True).start()

    def serve(self, connection):
        pending = b""
        reused = False
        try:
            with connection:
                connection.settimeout(120)
                while (asked := read_request(connection, pending)) is not None:
                    method, path, body, pending, last = asked
                    self.answer(connection, method, path, body, reused)
                    if last:
                        return
                    reused = True
        except (Gone, OSError, ValueError):
            pass

    def choose(self, reused):
        """(number of this request, its source of chance, its fault or None)."""
        with self.lock:
            number = self.served
            self.served += 1
        chance = random.Random(f"{self.owner.seed}/{self.place}/{number}")
        if chance.random() >= self.owner.rate:
            return number, chance, None
        usable = [fault for fault in self.owner.faults if fault != "reset_reused" or reused]
        return number, chance, chance.choice(usable) if usable else None

    def answer(self, connection, method, path, body, reused):
        if method == "GET":
            return self.send_json(connection, 200, OpenAi.models(["fault-1"]))
        dialect = dialect_at(path)
        if dialect is None:
            return self.send_json(connection, 404, OpenAi.error(404, f"no route {path}"))
        request = json.loads(body)
        request.update(dialect.said(path))
        number, chance, fault = self.choose(reused)
        self.owner.log({"place": self.place, "request": number, "fault": fault, "reused": reused, "path": path})
        words = [f"<{self.place}.{number}.{word}>" for word in range(WORDS)]
        turn = {"text": words, "usage": {"input": 10, "output": WORDS}}
        if fault in EARLY:
            self.fail_early(connection, fault)
        elif fault in ANSWERS:
            self.refuse_request(connection, dialect, fault)
        elif not dialect.streams(request):
            self.send_json(connection, 200, dialect.whole(turn, request, number))
        elif fault in AS_200:
            self.answer_wrongly(connection, dialect, fault)
        else:
            self.stream(connection, dialect, dialect.stream(turn, request, number), fault, chance)

    def fail_early(self, connection, fault):
        if fault == "hang":
            self.owner.ended.wait(HANG_S)
        if fault == "refuse":
            self.refuse_for(0.5)
        if fault in ("reset", "reset_reused"):
            self.reset(connection)
        raise Gone

    @staticmethod
    def reset(connection):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raise Gone

    def send(self, connection, status, body, headers):
        head = f"HTTP/1.1 {status} Status\r\n" + "".join(f"{name}: {value}\r\n" for name, value in headers)
        connection.sendall(head.encode() + b"\r\n" + body)

    def send_json(self, connection, status, value, headers=()):
        body = json.dumps(value).encode()
        self.send(connection, status, body, [("Content-Type", "application/json"), ("Content-Length", len(body)), *headers])

    def refuse_request(self, connection, dialect, fault):
        status, headers = ANSWERS[fault]
        kind = {"quota": "insufficient_quota", "no_credit": "billing_error"}.get(fault)
        value = dialect.error(status, f"fault_upstream: {fault}", kind)
        if fault == "retry_delay":
            value = {"error": {"code": 429, "status": "RESOURCE_EXHAUSTED", "message": fault, "details": [
                {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "1.5s"}]}}
        if fault == "bad_gateway":
            body = b"<html><h1>502 Bad Gateway</h1></html>"
            self.send(connection, 502, body, [("Content-Type", "text/html"), ("Content-Length", len(body))])
            return
        now = time.time()
        shown = [(name, formatdate(now + 2, usegmt=True) if value == "date" else value) for name, value in headers.items()]
        self.send_json(connection, status, value, [*shown, ("Date", formatdate(now, usegmt=True))])

    def answer_wrongly(self, connection, dialect, fault):
        kind = ("Content-Type", dialect.stream_type)
        if fault == "error_whole":
            return self.send_json(connection, 200, dialect.error(503, "busy"))
        if fault == "two_lengths":
            self.send(connection, 200, b"abc", [kind, ("Content-Length", 3), ("Content-Length", 4)])
            raise Gone
        if fault == "wrong_length":
            self.send(connection, 200, b"abc", [kind, ("Content-Length", 1000)])
            raise Gone
        body = {"empty": b"", "html": b"<html>hello</html>", "garbage": b"data: {]\n\n\x00\xff",
                "error_inside": dialect.error_event(503, "busy"), "huge_line": b"data: " + b" " * (4 << 20) + b"\n\n"}[fault]
        shown = ("Content-Type", "text/html") if fault == "html" else kind
        self.send(connection, 200, body, [shown, ("Content-Length", len(body))])

    def stream(self, connection, dialect, events, fault, chance):
        self.send(connection, 200, b"", [("Content-Type", dialect.stream_type), ("Transfer-Encoding", "chunked")])
        at = chance.randint(1, len(events) - 1)
        if fault == "duplicate":
            events.insert(at, events[at])
        whole = b"".join(events)
        said = b"".join(events[:at])
        if fault is None or fault in ("duplicate", "late_bytes"):
            self.chunk(connection, whole)
        elif fault == "drip":
            for byte in range(0, len(whole), 1):
                self.chunk(connection, whole[byte:byte + 1])
                self.owner.ended.wait(0.001)
        elif fault == "no_end":
            self.chunk(connection, said)
        elif fault in ("late_error", "late_garbage"):
            self.chunk(connection, said + (dialect.error_event(503, "busy") if fault == "late_error" else b"data: }{\n\n"))
        else:
            self.break_off(connection, said, events[at], fault)
        connection.sendall(b"0\r\n\r\n" + (b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged" if fault == "late_bytes" else b""))

    def break_off(self, connection, said, event, fault):
        if fault == "cut_utf8":
            event = event.replace(b"<", "ü".encode()[:1], 1)
            self.chunk(connection, said + event[:event.find(b"\xc3") + 1])
        else:
            self.chunk(connection, said + event[:len(event) // 2])
        if fault == "stall":
            self.owner.ended.wait(HANG_S)
        if fault == "cut_reset":
            self.reset(connection)
        raise Gone

    @staticmethod
    def chunk(connection, data):
        connection.sendall(b"%x\r\n%s\r\n" % (len(data), data))


class FaultUpstreams:
    """All ports of one seed."""

    def __init__(self, seed=1, count=1, faults=FAULTS, rate=0.5, log=None):
        self.seed = seed
        self.faults = tuple(faults)
        self.rate = rate
        self.ended = threading.Event()
        self._log = open(log, "a", encoding="utf-8") if log else None
        self._log_lock = threading.Lock()
        self.upstreams = [Upstream(self, place) for place in range(count)]

    @property
    def ports(self):
        return [upstream.port for upstream in self.upstreams]

    def log(self, entry):
        if self._log is not None:
            with self._log_lock:
                self._log.write(json.dumps(entry) + "\n")
                self._log.flush()

    def stop(self):
        self.ended.set()
        for upstream in self.upstreams:
            upstream.listener.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=3, help="how many upstreams (default 3)")
    parser.add_argument("--rate", type=float, default=0.5, help="the share of requests that fail (default 0.5)")
    parser.add_argument("--faults", default="all", help="names, comma-separated (default all)")
    parser.add_argument("--log", metavar="FILE", help="append what was done")
    parser.add_argument("--lifetime", type=float, default=600, metavar="SECONDS", help="end by itself (default 600)")
    args = parser.parse_args()
    faults = FAULTS if args.faults == "all" else args.faults.split(",")
    unknown = [fault for fault in faults if fault not in FAULTS]
    if unknown or not 1 <= args.count <= 64:
        sys.exit(f"fault_upstream: there is no fault {unknown[0]}" if unknown else "fault_upstream: --count is 1 to 64")
    upstreams = FaultUpstreams(args.seed, args.count, faults, args.rate, args.log)
    print(*upstreams.ports, flush=True)
    try:
        upstreams.ended.wait(args.lifetime)
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""A model server that plays a script over real HTTP: for quickstart, end-to-end tests and trying faults by hand.

It listens on 127.0.0.1, on a port of the kernel's choice, prints that port as its first line, and speaks OpenAI chat
completions (/v1/chat/completions), OpenAI Responses (/v1/responses), Anthropic messages (/v1/messages), Gemini
(/v1beta/models/MODEL:generateContent and :streamGenerateContent), Bedrock Converse (/model/MODEL/converse and
/converse-stream), Cohere chat (/v2/chat) and Ollama chat (/api/chat), streamed or whole, and /v1/models.

The script is a JSON object:
  "models":  ["scripted-1"]
  "select":  "sequence": each request takes the next turn, whoever asks (default);
             "conversation": the turn is the number of assistant messages in the request, so that any number of
             conversations play the script side by side
  "at_end":  "error" (default: 500 when the script is used up), "loop" or "repeat" (the last turn again)
  "turns":   what is said is described in model_dialects.py; a turn may also hold faults:
    "error":     {"status": 429, "message", "type", "retry_after": 2}   instead of an answer
    "error_event": {"after": 2, "status": 529, "message", "type"}       inside the stream, after N events
    "cut":       {"after": 2, "bytes": 5, "how": "close" or "reset"}    the connection ends after N events and then
                                                                        so many bytes of the next
    "stall":     {"after": 2, "seconds": 30}                            silence after N events
    "delay_ms":  10             before the head and between events
    "fragment":  3              every write carries so many bytes, whatever the event's borders
    "raw":       "data: ..."    this text as the body of the stream
    "expect":    ["text", ...]  each must stand in the request body, else the answer is 400 naming the missing one

--record FILE appends one JSON line per request; credentials in it are replaced by their SHA-256.
"""

import argparse
import hashlib
import json
import socket
import struct
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from aws_signature import is_signed
from model_dialects import Anthropic, Gemini, OpenAi, dialect_at, turns_taken

_SECRET_HEADERS = {"authorization", "x-api-key", "api-key", "x-goog-api-key", "x-amz-security-token"}
_MAX_BODY = 64 << 20


class ScriptError(ValueError):
    """The script cannot be played; the message says where."""


class Script:
    """Hands out turns; safe to call from many threads."""

    def __init__(self, document):
        if not isinstance(document, dict) or not isinstance(document.get("turns"), list):
            raise ScriptError('the script must be an object with a list "turns"')
        self.models = document.get("models", ["scripted-1"])
        self._turns = document["turns"]
        self._select = document.get("select", "sequence")
        self._at_end = document.get("at_end", "error")
        if self._select not in ("sequence", "conversation"):
            raise ScriptError(f'"select" is "{self._select}"; expected "sequence" or "conversation"')
        if self._at_end not in ("error", "loop", "repeat"):
            raise ScriptError(f'"at_end" is "{self._at_end}"; expected "error", "loop" or "repeat"')
        self._lock = threading.Lock()
        self._served = 0

    def next_turn(self, request):
        """(number of this request, its turn or None when the script is used up)."""
        with self._lock:
            number = self._served
            self._served += 1
        index = number
        if self._select == "conversation":
            index = turns_taken(request)
        if index >= len(self._turns) and self._turns:
            index = {"loop": index % len(self._turns), "repeat": len(self._turns) - 1}.get(self._at_end, index)
        return number, self._turns[index] if index < len(self._turns) else None


class ConnectionCut(Exception):
    """The script ends this connection here."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "scripted-model"
    disable_nagle_algorithm = True
    timeout = 120

    def do_GET(self):
        self._answer(b"")

    def do_POST(self):
        try:
            body = self._read_body()
        except ValueError as error:
            self.close_connection = True
            self._send_json(400, OpenAi.error(400, str(error)))
            return
        self._answer(body)

    def log_message(self, format, *args):
        if self.server.verbose:
            sys.stderr.write("%s\n" % (format % args))

    def _read_body(self):
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            length = int(self.headers.get("Content-Length", 0))
            if not 0 <= length <= _MAX_BODY:
                raise ValueError("unreasonable Content-Length")
            return self.rfile.read(length)
        body = b""
        while True:
            size = int(self.rfile.readline().split(b";")[0], 16)
            if size == 0:
                while self.rfile.readline().strip():
                    pass
                return body
            body += self.rfile.read(size)
            self.rfile.readline()
            if len(body) > _MAX_BODY:
                raise ValueError("body too large")

    def _dialect(self, path):
        if (known := dialect_at(path)) is not None:
            return known
        if path == Gemini.path:
            return Gemini
        return Anthropic if "anthropic-version" in self.headers else OpenAi

    def _answer(self, body):
        path = self.path.split("?")[0]
        dialect = self._dialect(path)
        self.server.record(self.command, self.path, self.headers, body)
        if not self._authorized(body):
            self._send_json(401, dialect.error(401, "wrong or missing key"))
        elif self.command == "GET" and path in ("/v1/models", Gemini.path):
            self._send_json(200, dialect.models(self.server.script.models))
        elif self.command == "POST" and dialect_at(path) is not None:
            self._complete(dialect, path, body)
        else:
            self._send_json(404, dialect.error(404, f"no route {self.command} {path}"))

    def _authorized(self, body):
        key = self.server.key
        if key is not None and ":" in key:  # ID:SECRET[:SESSION_TOKEN] signs each request for AWS
            return is_signed(self.command, self.path, self.headers, body, key)
        given = {self.headers.get("x-api-key"), self.headers.get("x-goog-api-key")}
        return key is None or key in given or self.headers.get("Authorization") == f"Bearer {key}"

    def _complete(self, dialect, path, body):
        try:
            request = json.loads(body)
            if not isinstance(request, dict):
                raise ValueError("not an object")
            request.update(dialect.said(path))
        except ValueError as error:
            self._send_json(400, dialect.error(400, f"the body is not JSON: {error}"))
            return
        number, turn = self.server.script.next_turn(request)
        if turn is None:
            self._send_json(500, dialect.error(500, "the script has no turn left"))
            return
        missing = [text for text in turn.get("expect", []) if text not in json.dumps(request, ensure_ascii=False)]
        if missing:
            self._send_json(400, dialect.error(400, f"the request lacks {missing[0]!r}"))
            return
        self.server.pause(turn.get("delay_ms", 0) / 1000)
        if "error" in turn:
            fault = turn["error"]
            status = fault.get("status", 500)
            headers = {"Retry-After": str(fault["retry_after"])} if "retry_after" in fault else {}
            self._send_json(status, dialect.error(status, fault.get("message", "scripted failure"), fault.get("type")),
                            headers)
        elif dialect.streams(request):
            self._stream(dialect, turn, request, number)
        else:
            self._send_json(200, dialect.whole(turn, request, number))

    def _send_json(self, status, value, headers=None):
        body = json.dumps(value, ensure_ascii=False).encode()
        self.send_response(status)
        for name, text in {"Content-Type": "application/json", "Content-Length": str(len(body)),
                           **(headers or {})}.items():
            self.send_header(name, text)
        self.end_headers()
        self.wfile.write(body)

    def _write_chunk(self, data, fragment):
        size = fragment or len(data) or 1
        for at in range(0, len(data), size):
            piece = data[at:at + size]
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))

    def _stream(self, dialect, turn, request, number):
        self.send_response(200)
        self.send_header("Content-Type", dialect.stream_type)
        self.send_header("Cache-Control", "no-cache")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        events = [turn["raw"].encode()] if "raw" in turn else dialect.stream(turn, request, number)
        fault = turn.get("error_event")
        if fault is not None:
            status, text = fault.get("status", 500), fault.get("message", "scripted failure")
            events = events[:fault.get("after", 0)] + [dialect.error_event(status, text, fault.get("type"))]
        try:
            for index, event in enumerate(events):
                self._faults_before(turn, index, event)
                self._write_chunk(event, turn.get("fragment"))
                self.server.pause(turn.get("delay_ms", 0) / 1000)
            self._faults_before(turn, len(events), b"")
            self.wfile.write(b"0\r\n\r\n")
        except (BrokenPipeError, ConnectionResetError, ConnectionCut):
            self.close_connection = True

    def _faults_before(self, turn, index, event):
        stall, cut = turn.get("stall"), turn.get("cut")
        if stall is not None and stall.get("after", 0) == index:
            self.server.pause(stall.get("seconds", 30))
        if cut is not None and cut.get("after", 0) == index:
            part = event[:cut.get("bytes", 0)]
            if part:
                self._write_chunk(part, turn.get("fragment"))
            if cut.get("how") == "reset":  # unsent data is dropped and the peer sees ECONNRESET
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            raise ConnectionCut


class ModelServer(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def __init__(self, script, port=0, key=None, record=None, verbose=False):
        super().__init__(("127.0.0.1", port), Handler)
        self.script = script
        self.key = key
        self.verbose = verbose
        self._record = open(record, "a", encoding="utf-8") if record else None
        self._record_lock = threading.Lock()
        self._stopping = threading.Event()
        self._thread = None

    @property
    def port(self):
        return self.server_address[1]

    def pause(self, seconds):
        """Waits, but not longer than the server lives."""
        if seconds > 0:
            self._stopping.wait(seconds)

    def record(self, method, path, headers, body):
        if self._record is None:
            return
        shown = {name.lower(): value for name, value in headers.items()}
        for name in _SECRET_HEADERS & set(shown):
            shown[name] = "sha256:" + hashlib.sha256(shown[name].encode()).hexdigest()
        try:
            content = json.loads(body) if body else None
        except ValueError:
            content = body.decode("utf-8", "replace")
        line = json.dumps({"method": method, "path": path, "headers": shown, "body": content}, ensure_ascii=False)
        with self._record_lock:
            self._record.write(line + "\n")
            self._record.flush()

    def start(self):
        """Serves on a thread of its own until stop()."""
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    def stop(self):
        self._stopping.set()
        self.shutdown()
        self.server_close()
        if self._thread is not None:
            self._thread.join()
        if self._record is not None:
            self._record.close()

    def handle_error(self, request, client_address):
        """A client that hangs up is part of many scripts, not an error of the server."""
        if self.verbose or not isinstance(sys.exc_info()[1], (ConnectionError, TimeoutError)):
            super().handle_error(request, client_address)


def load_script(path):
    with (sys.stdin if path == "-" else open(path, encoding="utf-8")) as source:
        return Script(json.load(source))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("script", help="the script file, or - for standard input")
    parser.add_argument("--port", type=int, default=0, help="a fixed port instead of a free one")
    parser.add_argument("--record", metavar="FILE", help="append every request to this file")
    parser.add_argument("--require-key", metavar="KEY", help="answer 401 to requests without this key; ID:SECRET[:TOKEN]: to those that"
                        " it does not sign (AWS Signature V4)")
    parser.add_argument("--lifetime", type=float, default=600, metavar="SECONDS", help="end by itself (default 600)")
    parser.add_argument("--verbose", action="store_true", help="log requests to standard error")
    args = parser.parse_args()
    try:
        server = ModelServer(load_script(args.script), args.port, args.require_key, args.record, args.verbose)
    except (OSError, ValueError) as error:
        sys.exit(f"model_server: {args.script}: {error}")
    print(server.port, flush=True)
    end = threading.Timer(args.lifetime, server.stop)
    end.daemon = True
    end.start()
    try:
        server.serve_forever(poll_interval=0.05)
    except KeyboardInterrupt:
        server.server_close()


if __name__ == "__main__":
    main()

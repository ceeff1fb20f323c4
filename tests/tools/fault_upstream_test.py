"""The server that fails by seed: the same seed does the same, and every fault does what its name says."""

import json
import socket
import sys
import tempfile
import time
import unittest
from email.utils import parsedate_to_datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))
from fault_upstream import FAULTS, LATE, WORDS, FaultUpstreams  # noqa: E402
from model_dialects import DIALECTS  # noqa: E402


def ask(port, path="/v1/chat/completions", connection=None, timeout=10):
    """All bytes of the answer to one request; None where the connection was refused, b"reset" where it was reset."""
    body = json.dumps({"model": "m", "messages": [], "stream": True}).encode()
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    got = b""
    try:
        connection = connection or socket.create_connection(("127.0.0.1", port), timeout=timeout)
    except ConnectionRefusedError:
        return None
    with connection:
        try:
            connection.sendall(head + body)
            while data := connection.recv(65536):
                got += data
        except (BrokenPipeError, ConnectionResetError):
            return got + b"reset"
        except TimeoutError:
            return got + b"silent"
    return got


def joined(answer):
    """The body of a chunked answer, as far as it goes."""
    body, rest = b"", answer.partition(b"\r\n\r\n")[2]
    while rest:
        size, _, rest = rest.partition(b"\r\n")
        if not size or int(size, 16) == 0:
            break
        body += rest[:int(size, 16)]
        rest = rest[int(size, 16) + 2:]
    return body


class FaultUpstreamTest(unittest.TestCase):
    def serve(self, faults=FAULTS, rate=1.0, seed=1, count=1, log=None):
        server = FaultUpstreams(seed, count, faults, rate, log)
        self.addCleanup(server.stop)
        return server

    def answer_to(self, fault, path="/v1/chat/completions", timeout=10):
        return ask(self.serve([fault]).ports[0], path, timeout=timeout)

    def status_of(self, fault):
        answer = self.answer_to(fault)
        return int(answer.split(b" ")[1]), answer.decode("latin-1")

    def test_a_seed_is_a_day(self):
        quick = [fault for fault in FAULTS if fault not in ("hang", "stall", "refuse", "drip", "huge_line")]
        days = []
        with tempfile.TemporaryDirectory() as folder:
            for seed, name in ((7, "first"), (7, "again"), (8, "other")):
                log = Path(folder) / name
                server = self.serve(quick, 0.5, seed, 3, log)
                for port in server.ports:
                    for _ in range(12):
                        ask(port)
                days.append([json.loads(line)["fault"] for line in log.read_text().splitlines()])
        self.assertEqual(len(days[0]), 36)
        self.assertEqual(days[0], days[1])
        self.assertNotEqual(days[0], days[2])

    def test_without_a_fault_every_word_is_said_once(self):
        server = self.serve(rate=0.0)
        for number in range(3):
            body = joined(ask(server.ports[0])).decode()
            for word in range(WORDS):
                self.assertEqual(body.count(f"<0.{number}.{word}>"), 1)

    def test_times_to_wait(self):
        self.assertIn("Retry-After: 2\r\n", self.status_of("retry_after_seconds")[1])
        text = self.status_of("retry_after_date")[1]
        date = {line.split(": ", 1)[0]: line.split(": ", 1)[1] for line in text.split("\r\n") if ": " in line[:20]}
        self.assertGreater(parsedate_to_datetime(date["Retry-After"]), parsedate_to_datetime(date["Date"]))
        self.assertIn("retry-after-ms: 1500\r\n", self.status_of("retry_after_ms")[1])
        self.assertIn('"retryDelay": "1.5s"', self.status_of("retry_delay")[1])

    def test_statuses(self):
        for fault, status in (("no_credit", 402), ("quota", 429), ("limited", 429), ("server_error", 500), ("bad_gateway", 502),
                              ("unavailable", 503), ("overloaded", 529), ("unauthorized", 401), ("empty", 200), ("html", 200)):
            self.assertEqual(self.status_of(fault)[0], status, fault)
        self.assertIn("text/html", self.status_of("bad_gateway")[1])

    def test_errors_inside_a_200_have_the_form_of_the_dialect(self):
        paths = {"/v1/chat/completions", "/v1/responses", "/v1/messages", "/v1beta/models/m:streamGenerateContent",
                 "/model/m/converse-stream", "/v2/chat", "/api/chat"}
        answers = {path: self.answer_to("error_inside", path) for path in paths}
        self.assertEqual(len(set(answers.values())), len(DIALECTS))
        for answer in answers.values():
            self.assertTrue(answer.startswith(b"HTTP/1.1 200 "))

    def test_connections_that_end(self):
        self.assertEqual(self.answer_to("close"), b"")
        self.assertEqual(self.answer_to("reset"), b"reset")
        self.assertEqual(self.answer_to("hang", timeout=0.3), b"silent")
        self.assertTrue(self.answer_to("cut_reset").endswith(b"reset"))
        self.assertTrue(self.answer_to("stall", timeout=0.5).endswith(b"silent"))
        for fault in ("cut", "cut_utf8", "wrong_length"):
            answer = self.answer_to(fault)
            self.assertTrue(answer.startswith(b"HTTP/1.1 200 "), fault)
            self.assertNotIn(b"[DONE]", answer)

    def test_only_a_used_connection_is_reset(self):
        server = self.serve(["reset_reused"])
        connection = socket.create_connection(("127.0.0.1", server.ports[0]), timeout=10)
        body = b'{"stream": true}'
        request = b"POST /v1/chat/completions HTTP/1.1\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
        connection.sendall(request)
        got = b""
        while b"\r\n0\r\n\r\n" not in got:
            got += connection.recv(65536)
        self.assertIn(b"[DONE]", got)
        self.assertEqual(ask(0, connection=connection), b"reset")

    def test_a_port_that_refuses_opens_again(self):
        server = self.serve(["refuse"])
        self.assertEqual(ask(server.ports[0]), b"")
        self.assertIsNone(ask(server.ports[0]))
        end = time.monotonic() + 10
        while ask(server.ports[0]) is None:
            self.assertLess(time.monotonic(), end)
            time.sleep(0.05)

    def test_streams_that_say_too_much(self):
        self.assertTrue(self.answer_to("late_bytes").endswith(b"forged"))
        self.assertGreater(len(self.answer_to("huge_line")), 4 << 20)
        body = joined(self.answer_to("drip"))
        self.assertIn(b"[DONE]", body)
        whole = [line for line in joined(self.answer_to("duplicate")).split(b"\n\n") if line]
        self.assertEqual(len(whole), len(set(whole)) + 1)

    def test_the_log_tells_what_was_done(self):
        with tempfile.TemporaryDirectory() as folder:
            log = Path(folder) / "log"
            server = self.serve(LATE[:1], 1.0, log=log)
            ask(server.ports[0])
            self.assertEqual(json.loads(log.read_text())["fault"], LATE[0])


if __name__ == "__main__":
    unittest.main()

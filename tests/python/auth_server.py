"""An authorization server for tests: refresh tokens serve once, and the second use of one takes the login back."""

import base64
import hashlib
import json
import random
import secrets
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class AuthServer:
    """Counts what happens: `uses` has who used which refresh token, in order, `given` every token there was."""

    def __init__(self, lifetime=3600, slow=0.0):
        self.lifetime, self.slow = lifetime, slow
        self.lock = threading.Lock()
        self.codes, self.uses, self.given = {}, [], set()
        self.access = self.refresh = None
        self.polls = 1  # of a device before it is logged in
        self.answered = 0
        self.revoked = []
        handler = type("Handler", (_Handler,), {"owner": self})
        self.http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.http.daemon_threads = True
        threading.Thread(target=self.http.serve_forever, daemon=True).start()
        self.origin = f"http://127.0.0.1:{self.http.server_address[1]}"

    def close(self):
        self.http.shutdown()
        self.http.server_close()

    def config(self, **more):
        """The tables of tau.toml that name this server."""
        return {"providers": {"mine": {"base_url": self.origin + "/v1", "auth": "main"}},
                "auth": {"main": {"kind": "oauth_pkce", "client_id": "tests", "authorize_url": self.origin + "/authorize",
                                  "token_url": self.origin + "/token", "device_url": self.origin + "/device",
                                  "revoke_url": self.origin + "/revoke", "scopes": ["one", "two"], **more}}}

    def toml(self):
        tables = self.config()
        lines = []
        for path, values in (("providers.mine", tables["providers"]["mine"]), ("auth.main", tables["auth"]["main"])):
            lines += [f"[{path}]", *(f"{key} = {json.dumps(value)}" for key, value in values.items())]
        return "\n".join(lines) + "\n"

    def made(self, kind):
        token = f"{kind}-{secrets.token_hex(20)}"
        self.given.add(token)
        return token

    def issue(self):
        self.access, self.refresh = self.made("access"), self.made("refresh")
        return 200, {"access_token": self.access, "token_type": "Bearer", "expires_in": self.lifetime,
                     "refresh_token": self.refresh}

    def first_user(self, token):
        return next(who for who, used, _ in self.uses if used == token)

    def reuses(self):
        return [(who, token) for who, token, outcome in self.uses if outcome == "reuse"]

    def token(self, form):
        kind = form.get("grant_type")
        if kind == "authorization_code":
            challenge = self.codes.pop(form.get("code"), None)
            digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
            good = challenge == base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
            return self.issue() if good else (400, {"error": "invalid_grant"})
        if kind == "urn:ietf:params:oauth:grant-type:device_code":
            self.polls -= 1
            return self.issue() if self.polls < 0 else (400, {"error": "authorization_pending"})
        if kind != "refresh_token":
            return 400, {"error": "unsupported_grant_type"}
        token, who = form.get("refresh_token"), form.get("who", "")
        if any(used == token for _, used, _ in self.uses):
            self.uses.append((who, token, "reuse"))
            self.access = self.refresh = None
            return 400, {"error": "invalid_grant"}
        if token is None or token != self.refresh:
            return 400, {"error": "invalid_grant"}
        self.uses.append((who, token, "ok"))
        return self.issue()


class _Handler(BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def reply(self, status, body, **headers):
        data = json.dumps(body).encode()
        try:
            self.send_response(status)
            for name, value in {"content-type": "application/json", "content-length": str(len(data)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)
        except OSError:
            pass  # who asked is gone

    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        fields = dict(urllib.parse.parse_qsl(url.query))
        if url.path != "/authorize":
            return self.reply(404, {})
        code = secrets.token_hex(8)
        with self.owner.lock:
            self.owner.codes[code] = fields["code_challenge"]
        back = fields["redirect_uri"] + "?" + urllib.parse.urlencode({"code": code, "state": fields["state"]})
        return self.reply(302, {}, location=back)

    def do_POST(self):
        form = dict(urllib.parse.parse_qsl(self.rfile.read(int(self.headers.get("content-length", 0))).decode()))
        owner = self.owner
        if self.path == "/token":
            with owner.lock:
                status, body = owner.token(form)
            time.sleep(random.uniform(0, owner.slow))  # accepted, and not told yet
            return self.reply(status, body)
        if self.path == "/device":
            with owner.lock:
                code = owner.made("device")
            return self.reply(200, {"device_code": code, "user_code": "WDJB-MJHT", "interval": 1, "expires_in": 60,
                                    "verification_uri": owner.origin + "/go"})
        if self.path == "/revoke":
            owner.revoked.append(form["token"])
            return self.reply(200, {})
        with owner.lock:
            good = owner.access is not None and self.headers.get("authorization") == f"Bearer {owner.access}"
            owner.answered += good
        if not good:
            return self.reply(401, {"error": {"message": "no", "type": "authentication_error"}})
        return self.reply(200, {"id": "x", "object": "chat.completion", "created": 1, "model": "m", "choices": [
            {"index": 0, "message": {"role": "assistant", "content": "the answer"}, "finish_reason": "stop"}]})

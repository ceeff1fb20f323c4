"""Runs the example on a text with secrets, which are made up here."""

import base64
import secrets
import subprocess
import sys
import tempfile

own, token = secrets.token_urlsafe(24), "gh" + "p_" + secrets.token_hex(18)
text = f"one\nkey: {own}\nor {base64.b64encode(own.encode()).decode()}\ntoken={token}\nlast line, naïve 語\n"
with tempfile.NamedTemporaryFile() as file:
    file.write(own.encode())
    file.flush()
    done = subprocess.run([sys.argv[1], file.name], input=text.encode(), stdout=subprocess.PIPE, check=True)
shown = done.stdout.decode()
print(shown)
assert own not in shown and token not in shown and base64.b64encode(own.encode()).decode()[:20] not in shown
assert shown.startswith("one\nkey: [redacted:registered-secret]\n") and shown.endswith("last line, naïve 語\n")

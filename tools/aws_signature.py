"""Checks requests that are signed for AWS (Signature Version 4), with nothing but the standard library: what the tests
hold libtau's own signatures against.
"""

import hashlib
import hmac
import re
from urllib.parse import quote, unquote

_FORM = re.compile(r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/([^/]+)/aws4_request, "
                   r"SignedHeaders=([^,]+), Signature=([0-9a-f]{64})")
_NEEDED = {"host", "x-amz-date"}


def canonical_request(method, target, headers, names, body):
    """The text that is signed, of a target as it stands in the request line."""
    path, _, query = target.partition("?")
    pairs = [tuple(quote(unquote(part), safe="") for part in item.partition("=")[::2]) for item in query.split("&") if item]
    lines = [f"{name}:{' '.join(headers[name].split())}\n" for name in names]
    return "\n".join([method, quote(path, safe="/~"), "&".join(f"{name}={value}" for name, value in sorted(pairs)),
                      "".join(lines), ";".join(names), hashlib.sha256(body).hexdigest()])


def signature(secret, stamp, region, service, canonical):
    key = b"AWS4" + secret.encode()
    for part in (stamp[:8], region, service, "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    scope = f"{stamp[:8]}/{region}/{service}/aws4_request"
    text = "\n".join(["AWS4-HMAC-SHA256", stamp, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def is_signed(method, target, headers, body, key):
    """Whether `key`, ID:SECRET[:SESSION_TOKEN], made the signature; `headers` is a mapping of any case."""
    known = {name.lower(): value for name, value in headers.items()}
    identity, secret, *token = key.split(":")
    form = _FORM.fullmatch(known.get("authorization", ""))
    if form is None or form[1] != identity or known.get("x-amz-date", "")[:8] != form[2]:
        return False
    names = form[5].split(";")
    needed = _NEEDED | ({"x-amz-security-token"} if token else set())
    if names != sorted(names) or not needed <= set(names) <= set(known):
        return False
    if token and known["x-amz-security-token"] != token[0]:
        return False
    canonical = canonical_request(method, target, known, names, body)
    return hmac.compare_digest(signature(secret, known["x-amz-date"], form[3], form[4], canonical), form[6])

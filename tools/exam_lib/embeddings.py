"""Recorded requests for embeddings through the codecs: what they mean is not changed. Vectors are float32 numbers."""

import json
import struct

from libtau import EMBED_REQUEST, EMBED_RESPONSE, TauError

# A path ends in the one of its dialect.
DIALECTS = {"/embeddings": "openai_embeddings", ":batchEmbedContents": "gemini_embeddings",
            ":embedContent": "gemini_embeddings", "/embed": "cohere_embeddings", "/api/embed": "ollama_embeddings"}


def dialect_of(request):
    path = request["path"].partition("?")[0].rstrip("/")
    ends = [end for end in DIALECTS if path.endswith(end)]
    return DIALECTS[max(ends, key=len)] if ends else None


def _as_float32(value):
    """The same document with its numbers as a float32 holds them; integers stay."""
    if isinstance(value, dict):
        return {key: _as_float32(member) for key, member in value.items()}
    if isinstance(value, list):
        return [_as_float32(item) for item in value]
    return struct.unpack("f", struct.pack("f", value))[0] if isinstance(value, float) else value


def _changed(library, dialect, kind, body, difference):
    again = library.encode(dialect, kind, library.decode(dialect, kind, body))
    return difference(_as_float32(json.loads(body)), _as_float32(json.loads(again)))


def trouble(library, dialect, request, response, difference):
    """What is wrong with a recorded pair, or None. `difference`: that of two JSON values, or None."""
    try:
        if found := _changed(library, dialect, EMBED_REQUEST, request, difference):
            return f"request changed at {found}"
        if not 200 <= response["status"] < 300:
            try:
                library.decode(dialect, EMBED_RESPONSE, response["body"])
            except TauError as error:
                return None if error.reason else f"error without reason: {error}"
            return "an error passed for an answer"
        if found := _changed(library, dialect, EMBED_RESPONSE, response["body"], difference):
            return f"response changed at {found}"
    except TauError as error:
        return str(error)
    return None

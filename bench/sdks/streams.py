"""The streams that the programs of bench/sdks read."""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools" / "exam_lib"))
PIECE = 1024  # bytes, as they may come from a socket
PROVIDERS = {"openai_chat": "openai", "anthropic_messages": "anthropic"}


def pieces_of(data):
    return [data[at:at + PIECE] for at in range(0, len(data), PIECE)]


def streams_of(argv):
    """Dialect -> bytes, of the arguments DIALECT=FILE, which are taken out."""
    pairs = [word for word in argv if "=" in word]
    argv[:] = [word for word in argv if "=" not in word]
    return {dialect: Path(file).read_bytes() for dialect, file in (pair.split("=", 1) for pair in pairs)}


def events_in(data):
    return sum(line.startswith(b"data:") for line in data.splitlines())


def _made(dialect):
    """A stream without recordings: 200 pieces of text."""
    if dialect == "openai_chat":
        chunks = [{"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1_700_000_000, "model": "m",
                   "system_fingerprint": "fp", "choices": [{"index": 0, "delta": {"content": f"word {n} "}, "finish_reason": None}]}
                  for n in range(200)]
        chunks.append({**chunks[0], "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
        return ("".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks) + "data: [DONE]\n\n").encode()
    events = [{"type": "message_start", "message": {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": [],
                                                    "stop_reason": None, "stop_sequence": None,
                                                    "usage": {"input_tokens": 1, "output_tokens": 1}}},
              {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}]
    events += [{"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": f"word {n} "}} for n in range(200)]
    events += [{"type": "content_block_stop", "index": 0},
               {"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": None}, "usage": {"output_tokens": 200}},
               {"type": "message_stop"}]
    return "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events).encode()


def longest(dialect, folder):
    """The recorded stream of the dialect's own provider that has most events; a made one where there is none."""
    import recordings  # noqa: PLC0415: only the program that picks streams has the folder
    best = b""
    for name, file in recordings.files_of(folder):
        if name != PROVIDERS[dialect]:
            continue
        for _, interaction in recordings.interactions_of(file):
            body = interaction["response"]["body"]
            wanted = recordings.dialect_of(interaction) == dialect and interaction["response"]["status"] == 200
            if wanted and recordings.is_stream(body) and events_in(body.encode()) > events_in(best):
                best = body.encode()
    return best or _made(dialect)

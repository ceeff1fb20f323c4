"""The comments of the headers: plain text out of C comments, and the parts of a function's comment."""

import re

TAGS = ("Returns", "Thread", "Ownership", "Since")
_TAG = re.compile(rf"^({'|'.join(TAGS)}):\s*", re.M)
_INLINE_TAG = re.compile(rf"(?<=\S )({'|'.join(TAGS)}):\s")


def plain(body):
    """The text between the comment marks, without the leading stars."""
    lines = [re.sub(r"^\s*\* ?", "", line).rstrip() for line in body.split("\n")]
    return "\n".join(lines).strip().removesuffix("*/").strip()


def file_comment(text):
    match = re.match(r"\s*/\*(.*?)\*/", text, re.S)
    return plain(match.group(1)) if match else ""


def join(text):
    """One paragraph on one line."""
    return " ".join(text.split())


def first_sentence(text):
    match = re.match(r"(.*?[.!?])(?:\s|$)", join(text))
    return match.group(1) if match else join(text)


def parse(comment, parameters):
    """Splits a function's comment into {summary, text, params, returns, thread, ownership, since}."""
    pieces = _TAG.split(comment)
    parts = {tag.lower(): "" for tag in TAGS}
    for tag, text in zip(pieces[1::2], pieces[2::2]):
        parts[tag.lower()] = join(text)
    body, params = _split_params(join(pieces[0]), parameters)
    summary = first_sentence(body)
    return {"summary": summary, "text": body[len(summary):].strip(), "params": params, **parts}


def inline_tags(comment):
    """Tags that do not begin their line: what a reflowed comment looks like."""
    return _INLINE_TAG.findall(comment)


def _split_params(body, parameters):
    """Parameters are described after the summary as "name: text", each at the start of a sentence."""
    if not parameters:
        return body, {}
    pattern = re.compile(rf"(?:^|(?<=[.;] ))({'|'.join(map(re.escape, parameters))}): ")
    pieces = pattern.split(body)
    params = {name: text.strip() for name, text in zip(pieces[1::2], pieces[2::2])}
    return pieces[0].strip(), params

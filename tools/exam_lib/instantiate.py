"""Texts that match a regular expression, drawn at random: what recipes of credentials are made into."""

import string
from re import _constants as op  # Python 3.11 has the parser of re only here
from re import _parser

MOST_REPEATS = 40  # beyond the least, where a pattern sets no end
_KINDS = {
    op.CATEGORY_DIGIT: string.digits,
    op.CATEGORY_WORD: string.ascii_letters + string.digits + "_",
    op.CATEGORY_SPACE: " \t",
}


def _members(items):
    """The characters of a class."""
    found = []
    for kind, value in items:
        if kind is op.LITERAL:
            found.append(chr(value))
        elif kind is op.RANGE:
            found += map(chr, range(value[0], value[1] + 1))
        elif kind is op.CATEGORY:
            found += _KINDS[value]
        else:
            raise ValueError(f"unsupported in a class: {kind}")
    return found


def _draw(pattern, generator):
    out = []
    for kind, value in pattern:
        if kind is op.LITERAL:
            out.append(chr(value))
        elif kind is op.IN:
            out.append(generator.choice(_members(value)))
        elif kind is op.MAX_REPEAT:
            least, most, inner = value
            most = least + MOST_REPEATS if most is op.MAXREPEAT else most
            out += [_draw(inner, generator) for _ in range(generator.randint(least, int(most)))]
        elif kind is op.SUBPATTERN:
            out.append(_draw(value[-1], generator))
        elif kind is op.BRANCH:
            out.append(_draw(generator.choice(value[1]), generator))
        elif kind is not op.AT:
            raise ValueError(f"unsupported: {kind}")
    return "".join(out)


def instantiate(parts, generator):
    """The text of a recipe, and where in its bytes the drawn pieces stand."""
    text, spans, at = [], [], 0
    for kind, value in parts:
        piece = value if kind == "lit" else _draw(_parser.parse(value), generator)
        size = len(piece.encode())
        if kind == "re":
            spans.append((at, at + size))
        text.append(piece)
        at += size
    return "".join(text), spans

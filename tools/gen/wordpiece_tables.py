#!/usr/bin/env python3
"""Makes lib/memory/wordpiece_tables.cpp: what the WordPiece tokenizer needs to know about characters.

Usage: wordpiece_tables.py > lib/memory/wordpiece_tables.cpp. The result is committed: the vectors of a text must not depend on
the Python that built the library.
"""

import sys
import unicodedata

LAST = 0x10FFFF
HANGUL = range(0xAC00, 0xD7A4)
WIDTH = 108


def characters():
    return (c for c in range(LAST + 1) if not 0xD800 <= c <= 0xDFFF)


def ranges_where(test):
    found = []
    for code in characters():
        if not test(chr(code)):
            continue
        if found and found[-1][1] == code - 1:
            found[-1][1] = code
        else:
            found.append([code, code])
    return found


def category(*prefixes):
    return lambda c: unicodedata.category(c).startswith(prefixes)


def is_space(char):
    return unicodedata.category(char) in ("Zs", "Zl", "Zp") or char in "\t\n\v\f\r\x85"


def bare(char):
    """The characters that stay when it is taken apart and its marks are removed; Hangul is arithmetic."""
    return [ord(c) for c in unicodedata.normalize("NFD", char) if unicodedata.category(c) != "Mn"]


def bare_rows():
    rows = []
    for code in characters():
        if code in HANGUL or category("Mn")(chr(code)):
            continue
        to = bare(chr(code))
        if to == [code]:
            continue
        if len(to) == 1:
            rows.append((code, to[0]))
    return rows


def several_rows():
    """Those that leave two or three characters; 0 fills up."""
    rows = []
    for code in characters():
        to = bare(chr(code))
        if code in HANGUL or len(to) < 2:
            continue
        if len(to) > 3:
            sys.exit(f"U+{code:04X} leaves {len(to)} characters")
        rows.append((code, *to, *[0] * (3 - len(to))))
    return rows


def lower_rows():
    return [(c, c, ord(chr(c).lower()) - c) for c in characters() if len(chr(c).lower()) == 1 and chr(c).lower() != chr(c)]


def joined(rows):
    """Neighbours that move by the same distance, one or two apart, become one row {first, last, step, distance}."""
    out = []
    for first, _, distance in rows:
        if out and out[-1][3] == distance and first - out[-1][1] in (1, 2):
            step = first - out[-1][1]
            if out[-1][0] == out[-1][1] or out[-1][2] == step:
                out[-1][1:3] = [first, step]
                continue
        out.append([first, first, 1, distance])
    return out


def table(kind, name, rows):
    print(f"constexpr {kind} {name}[] = {{")
    line = "   "
    for row in rows:
        cell = " {" + ", ".join(f"{n:#x}" if i < 2 else str(n) for i, n in enumerate(row)) + "},"
        if len(line) + len(cell) > WIDTH:
            print(line)
            line = "   "
        line += cell
    print(f"{line}\n}};\n")


def main():
    print("// Made by tools/gen/wordpiece_tables.py from the character database of Unicode "
          f"{unicodedata.unidata_version}; do not edit.")
    print('#include "memory/wordpiece_unicode.h"\n\nnamespace tau::memory {\nnamespace {\n\n// clang-format off')
    table("CharacterRange", "kSpaces", ranges_where(is_space))
    table("CharacterRange", "kControls", ranges_where(lambda c: category("Cc", "Cf", "Co")(c)))
    table("CharacterRange", "kMarks", ranges_where(category("Mn")))
    table("CharacterRange", "kPunctuation", ranges_where(category("P")))
    table("CharacterPair", "kBare", bare_rows())
    table("CharacterParts", "kParts", several_rows())
    table("CharacterShift", "kLower", joined(lower_rows()))
    print("// clang-format on\n\n}  // namespace\n")
    for name, rows in (("spaces", "kSpaces"), ("controls", "kControls"), ("marks", "kMarks"), ("punctuation", "kPunctuation")):
        print(f"std::span<const CharacterRange> {name}() {{ return {rows}; }}")
    print("std::span<const CharacterPair> bare_pairs() { return kBare; }")
    print("std::span<const CharacterParts> character_parts() { return kParts; }")
    print("std::span<const CharacterShift> lower_shifts() { return kLower; }")
    print("\n}  // namespace tau::memory")


if __name__ == "__main__":
    main()

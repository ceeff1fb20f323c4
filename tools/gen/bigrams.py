#!/usr/bin/env python3
"""Makes lib/safety/bigrams.txt: how usual each pair of characters is in words and names.

Usage: bigrams.py FILE... > lib/safety/bigrams.txt; the files are text that holds no credentials: prose and source.
Row: the first character, column: the second; a to z, then any digit, then anything else within a name. A cell is
-log2 P(second | first) in halves of a bit, as one character from '0'.
"""

import math
import re
import sys

SYMBOLS = 28
_NAME = re.compile(rb"[A-Za-z][A-Za-z0-9_+/=.-]{5,39}")


def symbol(byte):
    """0 to 25 a letter of either case, 26 a digit, 27 anything else."""
    folded = byte | 0x20
    if 0x61 <= folded <= 0x7a:
        return folded - 0x61
    return 26 if 0x30 <= byte <= 0x39 else 27


def names_of(data):
    """What looks like a word, and not like data."""
    for name in _NAME.findall(data):
        if sum(0x30 <= byte <= 0x39 for byte in name) * 4 <= len(name):
            yield name


def table(files):
    counts = [[1.0] * SYMBOLS for _ in range(SYMBOLS)]
    for file in files:
        with open(file, "rb") as source:
            for name in names_of(source.read()):
                row = [symbol(byte) for byte in name]
                for first, second in zip(row, row[1:]):
                    counts[first][second] += 1
    return [[min(round(-2 * math.log2(count / sum(row))), 40) for count in row] for row in counts]


def main():
    for row in table(sys.argv[1:]):
        print("".join(chr(0x30 + cell) for cell in row))


if __name__ == "__main__":
    main()

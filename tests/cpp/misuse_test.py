"""Compiles a file that must compile, then once for each macro with which it must not. Prints TAP.

Behind `REFUSED_NAME)  // says:` stands a regular expression that the compiler's message must have, so that a case does
not pass because of a slip in it.

Usage: misuse_test.py FILE -- COMPILER [ARGUMENT ...]
"""

import concurrent.futures
import re
import subprocess
import sys
from pathlib import Path

_CASE = re.compile(r"defined\((REFUSED_\w+)\) +// says: (.+)")


def compiled(command, source, macro=None):
    define = [f"-D{macro}"] if macro else []
    return subprocess.run([*command, "-fsyntax-only", *define, source], capture_output=True, text=True, check=False)


def main(argv):
    source, command = argv[1], argv[3:]
    text = Path(source).read_text(encoding="utf-8")
    cases = _CASE.findall(text)
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        plain, *answers = pool.map(lambda macro: compiled(command, source, macro), [None, *(name for name, _ in cases)])
    results = [("compiles as it stands", plain.returncode == 0, plain.stderr)]
    for (macro, says), answer in zip(cases, answers):
        errors = "\n".join(line for line in answer.stderr.splitlines() if "error" in line)
        results.append((f"{macro} does not compile", answer.returncode != 0 and re.search(says, errors), answer.stderr))
    results.append(("every case says why it fails", text.count("(REFUSED_") == len(results) - 1, ""))
    for number, (what, good, output) in enumerate(results, 1):
        print(f"{'ok' if good else 'not ok'} {number} - {what}")
        if not good:
            print("\n".join(f"# {line}" for line in output.splitlines()[:20]))
    print(f"1..{len(results)}")
    return 0 if all(good for _, good, _ in results) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv))

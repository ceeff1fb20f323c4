"""Makes libtau.a: one object whose only global names are those of the C API, whatever is inside it.

  prelink.py MAP OUTPUT ARCHIVE... -- COMPILER...

An ordinary archive would show the library's internal names to the program that links it, which may have others of the
same name: a second copy of an inline function, or a class of its own.
"""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path


def tool(name):
    return os.environ.get(name.upper(), name)


def prelink(symbol_map, output, archives, compiler):
    with tempfile.TemporaryDirectory(dir=output.parent, prefix=output.name) as folder:
        whole, public, unique = (Path(folder) / name for name in ("libtau.o", "public", "unique"))
        # Groups (of inline functions) are resolved here: the linker of a program would otherwise throw ours away in
        # favour of its own, with local names pointing into it.
        subprocess.run([*compiler, "-r", "-nostdlib", "-Wl,--force-group-allocation", "-Wl,--whole-archive", *archives,
                        "-o", whole], check=True)
        names = re.findall(r"^\s+(tau_\w+);$", symbol_map.read_text(encoding="utf-8"), re.MULTILINE)
        public.write_text("\n".join(names) + "\n", encoding="utf-8")
        # Unique symbols (of static members in headers) become local only if they are weak already; weakening all would
        # include those that are asked of other libraries. clang makes none.
        listing = subprocess.run([tool("nm"), "--defined-only", whole], capture_output=True, text=True, check=True).stdout
        unique.write_text("".join(f"{name}\n" for name in re.findall(r"^\w+ u (\S+)$", listing, re.MULTILINE)), encoding="utf-8")
        weaken = [f"--weaken-symbols={unique}"] if unique.stat().st_size > 0 else []  # an empty list is an error to it
        for step in (*weaken, f"--keep-global-symbols={public}"):
            subprocess.run([tool("objcopy"), step, whole], check=True)
        output.unlink(missing_ok=True)
        subprocess.run([tool("ar"), "rcsD", output, whole], check=True)


def main():
    paths, compiler = sys.argv[1:sys.argv.index("--")], sys.argv[sys.argv.index("--") + 1:]
    symbol_map, output, *archives = map(Path, paths)
    prelink(symbol_map, output, archives, compiler)


if __name__ == "__main__":
    main()

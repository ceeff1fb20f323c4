"""Every public header compiles alone and included twice, in every standard that the API promises, without a warning.

  check_headers.py INCLUDE_DIR API_JSON COMPILER…    COMPILER is a C compiler; its C++ sibling is tried too.
"""

import concurrent.futures
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

_C = ("c99", "c11", "c17")
_CXX = ("c++17", "c++20")
_FLAGS = ["-pedantic", "-Wall", "-Wextra", "-Wundef", "-Wstrict-prototypes", "-Werror", "-fsyntax-only"]
# What a C++ program may have switched on: the wrapper (.hpp) makes no noise there.
_WRAPPER_FLAGS = ["-Wshadow", "-Wconversion", "-Wsign-conversion", "-Wold-style-cast"]
_CXX_OF = {"gcc": "g++", "clang": "clang++", "cc": "c++"}


def _sources(include, api):
    """(name, text): one per header, and one that uses every initialiser."""
    for header in sorted(path.name for path in (include / "tau").glob("*.h*")):
        line = f"#include <tau/{header}>\n"
        yield header, line + line + "extern int declared_after_headers;\n"
    uses = [f"{name} use_{name}(void);\n{name} use_{name}(void) {{ {name} value = {s['init_macro']}; return value; }}\n"
            for name, s in sorted(api["structs"].items()) if s["init_macro"]]
    yield "initialisers", "#include <tau/tau.h>\n" + "".join(uses)


def _compilers(names):
    for name in names:
        path = shutil.which(name)
        if path:
            yield path, "c", _C
            base = os.path.basename(path)
            sibling = shutil.which(next((path.replace(base, cxx) for c, cxx in _CXX_OF.items() if base == c), ""))
            if sibling:
                yield sibling, "c++", _CXX


def _compile(job):
    compiler, language, standard, include, source, more = job
    flags = [flag for flag in _FLAGS if language == "c" or flag != "-Wstrict-prototypes"] + more
    result = subprocess.run([compiler, f"-std={standard}", "-x", language, *flags, f"-I{include}", str(source)],
                            capture_output=True, text=True, check=False)
    if result.returncode == 0:
        return None
    return f"{compiler} -std={standard} {' '.join(more)} {source.name}:\n{result.stderr.strip()}"


def _variants(source, language):
    """The further flags of each compilation of a source: the wrapper is no C, and goes without exceptions too."""
    if ".hpp" not in source.name:
        return [[]]
    if language == "c":
        return []
    bare = [_WRAPPER_FLAGS + ["-fno-exceptions", "-fno-rtti"]] if source.name.startswith("tau.hpp") else []
    return [_WRAPPER_FLAGS, *bare]


def main():
    include, api = Path(sys.argv[1]), json.loads(Path(sys.argv[2]).read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as folder:
        sources = []
        for name, text in _sources(include, api):
            path = Path(folder, name + ".txt")
            path.write_text(text, encoding="utf-8")
            sources.append(path)
        jobs = [(compiler, language, standard, include, source, more)
                for compiler, language, standards in _compilers(sys.argv[3:])
                for standard in standards for source in sources for more in _variants(source, language)]
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            faults = [fault for fault in pool.map(_compile, jobs) if fault]
    print("\n".join(faults) or f"{len(jobs)} compilations of {len(sources)} sources")
    sys.exit(1 if faults or not jobs else 0)


if __name__ == "__main__":
    main()

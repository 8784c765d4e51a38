#!/usr/bin/python3
"""Who may include whom.

Project headers are written "folder/name.h" (in src/, app/, tests/) and <wakupeers/name.h>. A folder
of src/ includes itself and the folders it is built on; app and sim see the public headers and their
own, as any other user of the library does, and app sees sim; bench stands on the folders below node, as tests of net
do, and on node's writer. Each library has the folders that may name it, and only proto/crypto.c and proto/crypto_init.c, with the header that the two share, name the crypto
libraries. base, core and proto use nothing of the system but pure C headers.
"""

import argparse
import pathlib
import re
import sys

import tree

# Folder of src/ -> the folders it may include, itself apart. CMakeLists.txt builds by the same table.
USES = {
    "base": set(),
    "core": {"base"},
    "proto": {"base"},
    "net": {"base", "proto"},
    "storage": {"base"},
    "exchange": {"base", "proto"},
    "node": {"base", "core", "proto", "net", "storage", "exchange"},
}
# The same for what stands on the library.
ABOVE = {"app": {"sim"}, "sim": set(), "bench": {"base", "proto", "net", "node"}}
PURE_FOLDERS = {"base", "core", "proto"}

# Headers of C that reach no clock, file, thread, locale or environment.
PURE_HEADERS = {
    "assert.h", "errno.h", "inttypes.h", "limits.h", "stdalign.h", "stdarg.h", "stdbool.h",
    "stddef.h", "stdint.h", "stdio.h", "stdlib.h", "stdnoreturn.h", "string.h",
}
# What a public header may include: a user must be able to read it with a bare C compiler.
PUBLIC_HEADERS = {"stdarg.h", "stdbool.h", "stddef.h", "stdint.h"}

# Libraries by how their headers are named -> the places that may.
LIBRARIES = (
    (re.compile(r"(sodium|openssl/|secp256k1)"),
     {"src/proto/crypto.c", "src/proto/crypto_init.c", "src/proto/crypto_state.h", "tests"}),
    (re.compile(r"proto/crypto_state\.h$"), {"src/proto/crypto.c", "src/proto/crypto_init.c"}),
    (re.compile(r"pb(_\w+)?\.h$"), {"src/proto", "src/exchange", "fuzz", "tests"}),
    (re.compile(r"uv(\.h|/)"), {"src/net", "src/node", "app", "bench", "tests"}),
    (re.compile(r"sqlite3(ext)?\.h$"), {"src/storage", "src/exchange", "tests"}),
    (re.compile(r"microhttpd\.h$"), {"app", "tests"}),
    (re.compile(r"jansson"), {"app", "fuzz", "tests"}),
    (re.compile(r"cmocka"), {"tests"}),
)

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def area_of(path):
    """src/<folder>, or the top folder."""
    parts = path.parts
    return "/".join(parts[:2]) if parts[0] == "src" else parts[0]


def library_problem(path, header):
    for pattern, places in LIBRARIES:
        if pattern.match(header):
            if str(path) in places or area_of(path) in places:
                return None
            return f"only {', '.join(sorted(places))} may include it"
    return None


def project_problem(path, header):
    """A quoted include."""
    area = area_of(path)
    if ".." in pathlib.PurePosixPath(header).parts:
        return "write the folder, not '..'"
    if area.startswith("src/"):
        folder = area[len("src/"):]
        target = header.split("/")[0]
        if "/" not in header:
            return f'write "{folder}/{header}"'
        if target != folder and target not in USES.get(folder, set()):
            allowed = ", ".join(sorted(USES.get(folder, set()))) or "nothing else of src"
            return f"{folder} may include {allowed}"
        return None
    if area in ABOVE:
        target = header.split("/")[0]
        if "/" in header and target != area and target not in ABOVE[area]:
            allowed = ", ".join([area, *sorted(ABOVE[area]), "<wakupeers/...>"])
            return f"{area} sees {allowed} alone"
    if area == "include":
        return "public headers include <wakupeers/...> alone"
    return None


def system_problem(path, header):
    """An include in angle brackets."""
    area = area_of(path)
    if header.startswith("wakupeers/"):
        return None
    if area == "include" and header not in PUBLIC_HEADERS:
        return "public headers include <wakupeers/...> and " + ", ".join(sorted(PUBLIC_HEADERS))
    folder = area[len("src/"):] if area.startswith("src/") else None
    is_library = any(pattern.match(header) for pattern, _ in LIBRARIES)
    if folder in PURE_FOLDERS and not is_library and header not in PURE_HEADERS:
        return f"{folder} is pure: no header that reaches the system"
    return None


def problems_of(root, path):
    problems = []
    for number, line in enumerate((root / path).read_text().splitlines(), 1):
        match = INCLUDE.match(line)
        if not match:
            continue
        quoted, header = match.group(1) == '"', match.group(2)
        problem = project_problem(path, header) if quoted else system_problem(path, header)
        problem = problem or library_problem(path, header)
        if problem:
            problems.append(f"{path}:{number}: includes {header}: {problem}")
    return problems


def main():
    parser = argparse.ArgumentParser(description="Checks who includes whom.")
    parser.add_argument("--root", type=pathlib.Path, default=tree.root_of_project())
    root = parser.parse_args().root
    problems = []
    for path in tree.c_files(root):
        area = area_of(path)
        if area.startswith("src/") and area[len("src/"):] not in USES:
            problems.append(f"{path}: {area} is not a folder that the table of "
                            f"{pathlib.Path(__file__).name} knows")
        problems += problems_of(root, path)
    return tree.report(problems, "include rule")


if __name__ == "__main__":
    sys.exit(main())

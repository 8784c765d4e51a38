#!/usr/bin/python3
"""The shared library exports what the public headers declare, and nothing else.

usage: check_exports.py [--root DIR] LIBRARY.so

Each function that a header of include/wakupeers declares carries WPM_API and is exported; each
exported symbol starts with `wpm_` and is declared. So no symbol of nanopb or of the folders leaks,
and no declaration is left without its function.
"""

import argparse
import pathlib
import re
import subprocess
import sys

import tree

COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.S)
CPLUSPLUS = re.compile(r"#ifdef __cplusplus.*?#endif", re.S)
DIRECTIVE = re.compile(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", re.M)
FUNCTION = re.compile(r"\b(\w+)\s*\(")


def statements_of(text):
    """What stands outside all braces, split at semicolons and at the ends of bodies."""
    text = DIRECTIVE.sub("", CPLUSPLUS.sub("", COMMENT.sub(" ", text)))
    depth, start = 0, 0
    for position, character in enumerate(text):
        if character == "{":
            depth += 1
        elif character == "}":
            depth -= 1
            if depth == 0 and re.match(r"\s*(WPM_\w+\s+)*static\b", text[start:position]):
                yield text[start:position + 1]
                start = position + 1
        elif character == ";" and depth == 0:
            yield text[start:position]
            start = position + 1


def declarations_of(header):
    """(name, has WPM_API) of each function that the header declares."""
    for statement in statements_of(header.read_text()):
        words = statement.split("{")[0]
        if re.match(r"\s*(typedef|static|struct|enum|union)\b[^(]*(\{|$)", words):
            continue
        if re.match(r"\s*(typedef|(WPM_\w+\s+)*static)\b", words):
            continue
        names = [name for name in FUNCTION.findall(words) if not name.isupper()]
        if names and names[0] not in ("__attribute__", "_Static_assert"):
            yield names[0], "WPM_API" in words


def exported_by(library):
    text = subprocess.run(["nm", "--dynamic", "--defined-only", "--format=posix", str(library)],
                          check=True, capture_output=True, text=True).stdout
    return {line.split()[0].split("@")[0] for line in text.splitlines() if line.strip()}


def main():
    parser = argparse.ArgumentParser(description="Checks that exports and public headers agree.")
    parser.add_argument("--root", type=pathlib.Path, default=tree.root_of_project())
    parser.add_argument("library", type=pathlib.Path)
    arguments = parser.parse_args()
    root = arguments.root
    exported = exported_by(arguments.library)
    problems, declared = [], set()
    headers = sorted((root / "include" / "wakupeers").glob("*.h"))
    for header in headers:
        for name, is_api in declarations_of(header):
            where = f"{header.relative_to(root)}: {name}"
            declared.add(name)
            if not is_api:
                problems.append(f"{where} is declared without WPM_API")
            if not name.startswith("wpm_"):
                problems.append(f"{where} does not start with wpm_")
            if name not in exported:
                problems.append(f"{where} is declared but not exported")
    problems += [f"{name} is exported but no public header declares it"
                 for name in sorted(exported - declared)]
    if not declared:
        problems.append("include/wakupeers declares no function")
    print(f"{len(declared)} functions declared, {len(exported)} symbols exported")
    return tree.report(problems, "exported symbols")


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/python3
"""House rules that no other tool holds.

- A function of src/, app/, sim/ or bench/ has at most 80 lines, a file at most 900.
- No `default:` in a switch over an enum of ours (one whose labels start with WPM_): the compiler
  then names the enumerators that a switch forgot.
- No marks of unfinished work, and no printing or reading of the environment in the library.
- Each fuzz target has a corpus, which the tests replay.
- A header opens with a comment that says what its module is about.
"""

import argparse
import pathlib
import re
import sys

import tree

FUNCTION_LINES = 80
FILE_LINES = 900
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b|not implemented", re.I)
FORBIDDEN_IN_LIBRARY = re.compile(r"(?<![\w.>])(printf|puts|fprintf|vprintf|perror|getenv|secure_getenv)\s*\(")
STRING_OR_COMMENT = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)


def blank(match):
    """Keeps the lines, drops the text."""
    return re.sub(r"[^\n]", " ", match.group(0))


def functions_of(code):
    """(first line, lines) of each body that opens at the left margin's definition."""
    depth, opened = 0, 0
    for number, line in enumerate(code.splitlines(), 1):
        if depth == 0 and "{" in line and ")" in line.split("{")[0]:
            opened = number
        depth += line.count("{") - line.count("}")
        if depth == 0 and opened and "}" in line:
            yield opened, number - opened + 1
            opened = 0


def switches_of(code):
    """The text of each switch's body, inner ones included, with its line."""
    for match in re.finditer(r"\bswitch\s*\(", code):
        start = code.find("{", match.end())
        depth = 0
        for position in range(start, len(code)):
            depth += {"{": 1, "}": -1}.get(code[position], 0)
            if depth == 0:
                yield code.count("\n", 0, match.start()) + 1, code[start:position]
                break


def problems_of(root, path):
    text = (root / path).read_text()
    code = STRING_OR_COMMENT.sub(blank, text)
    top = path.parts[0]
    problems = []

    for number, line in enumerate(text.splitlines(), 1):
        if UNFINISHED.search(line):
            problems.append(f"{path}:{number}: unfinished: {line.strip()}")
    for line, body in switches_of(code):
        if re.search(r"\bcase\s+WPM_", body) and re.search(r"\bdefault\s*:", body):
            problems.append(f"{path}:{line}: `default:` in a switch over an enum of ours")
    if path.suffix == ".h" and not text.lstrip().startswith("/*"):
        problems.append(f"{path}:1: a header opens with a comment on what its module is about")
    if top in ("src", "app", "sim", "bench"):
        problems += [f"{path}:{line}: a function of {lines} lines (at most {FUNCTION_LINES})"
                     for line, lines in functions_of(code) if lines > FUNCTION_LINES]
        lines = text.count("\n")
        if lines > FILE_LINES:
            problems.append(f"{path}: {lines} lines (at most {FILE_LINES})")
    if top == "fuzz" and path.name.startswith("fuzz_"):
        corpus = root / "fuzz" / "corpus" / path.stem[len("fuzz_"):]
        if not corpus.is_dir() or not any(corpus.iterdir()):
            problems.append(f"{path}: no corpus in {corpus.relative_to(root)}")
    if top == "src":
        for number, line in enumerate(code.splitlines(), 1):
            match = FORBIDDEN_IN_LIBRARY.search(line)
            if match:
                problems.append(f"{path}:{number}: {match.group(1)} in the library")
    return problems


def main():
    parser = argparse.ArgumentParser(description="Checks house rules.")
    parser.add_argument("--root", type=pathlib.Path, default=tree.root_of_project())
    root = parser.parse_args().root
    problems = [problem for path in tree.c_files(root) for problem in problems_of(root, path)]
    return tree.report(problems, "style")


if __name__ == "__main__":
    sys.exit(main())

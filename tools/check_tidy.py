#!/usr/bin/python3
"""clang-tidy over our own sources, in parallel, with what it found clean remembered.

usage: check_tidy.py BUILD_DIR

BUILD_DIR is a clang build (its compile_commands.json names the flags). A source is looked at again
when it, a header it includes, its flags, or .clang-tidy changed; the memory is BUILD_DIR/tidy-clean.
"""

import concurrent.futures
import hashlib
import json
import os
import pathlib
import shlex
import shutil
import subprocess
import sys

import tree

TIDIED = ("src", "app", "sim", "bench")


def digest(paths):
    total = hashlib.sha256()
    for path in paths:
        total.update(str(path).encode() + b"\0" + path.read_bytes())
    return total.hexdigest()


def sources_of(root, build):
    """Our own sources that the build compiles -> the command."""
    entries = json.loads((build / "compile_commands.json").read_text())
    compiled = {pathlib.Path(entry["file"]).resolve(): entry["command"] for entry in entries}
    return {path: command for path, command in sorted(compiled.items())
            if any((root / folder) in path.parents for folder in TIDIED)}


def read_by(command, build):
    """The files that the compiler reads: the source and our own headers."""
    words = shlex.split(command)
    output = words.index("-o")
    rule = subprocess.run([*words[:output], *words[output + 2:], "-MM", "-MF", "-"], cwd=build,
                          check=True, capture_output=True, text=True).stdout
    names = rule.replace("\\\n", " ").split(":", 1)[1].split()
    return [build / name for name in names]


def main():
    if len(sys.argv) != 2:
        print(__doc__)
        return 2
    root, build = tree.root_of_project(), pathlib.Path(sys.argv[1]).resolve()
    program = shutil.which("clang-tidy-14") or shutil.which("clang-tidy")
    if not program:
        print("clang-tidy is missing: run `make deps`, or apt install clang-tidy")
        return 1
    settings = [root / ".clang-tidy", *sorted(root.glob("*/.clang-tidy"))]
    common = digest(settings)
    clean = build / "tidy-clean"
    clean.mkdir(exist_ok=True)

    def tidy(source):
        try:
            looked_at = digest(read_by(sources[source], build))
        except subprocess.CalledProcessError as error:
            return source, False, error.stderr
        key = "\n".join((program, common, sources[source], looked_at))
        mark = clean / hashlib.sha256(key.encode()).hexdigest()
        if mark.exists():
            return source, True, ""
        run = subprocess.run([program, "--quiet", "-p", str(build), str(source)],
                             capture_output=True, text=True)
        if run.returncode == 0:
            mark.touch()
        return source, run.returncode == 0, run.stdout or run.stderr

    problems = []
    sources = sources_of(root, build)
    if not sources:
        problems.append(f"{build}: compiles none of our sources")
    with concurrent.futures.ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        for source, is_clean, output in pool.map(tidy, sources):
            if not is_clean:
                problems.append(f"{source.relative_to(root)}:\n{output}")
    print(f"{len(sources)} sources")
    return tree.report(problems, "clang-tidy")


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/python3
"""Every C file is formatted as .clang-format says (clang-format 14; `make format` mends it)."""

import shutil
import subprocess
import sys

import tree


def main():
    root = tree.root_of_project()
    program = shutil.which("clang-format-14") or shutil.which("clang-format")
    if not program:
        print("clang-format is missing: run `make deps`, or apt install clang-format")
        return 1
    how = ["-i"] if sys.argv[1:] == ["--fix"] else ["--dry-run", "-Werror"]
    files = [str(path) for path in tree.c_files(root)]
    return subprocess.run([program, *how, *files], cwd=root).returncode


if __name__ == "__main__":
    sys.exit(main())

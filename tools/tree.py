"""The project's own C files, found without git."""

import pathlib

FOLDERS = ("include", "src", "app", "sim", "bench", "fuzz", "tests")


def root_of_project():
    return pathlib.Path(__file__).resolve().parent.parent


def c_files(root, folders=FOLDERS):
    """Every .c and .h under the folders, as paths relative to root, in a stable order."""
    found = []
    for folder in folders:
        for path in (root / folder).rglob("*.[ch]"):
            relative = path.relative_to(root)
            if "node_modules" not in relative.parts:
                found.append(relative)
    return sorted(found)


def report(problems, what):
    """Prints the problems; the exit code to end with."""
    for problem in problems:
        print(problem)
    if problems:
        print(f"{what}: {len(problems)} problem(s)")
        return 1
    print(f"{what}: clean")
    return 0

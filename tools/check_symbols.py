#!/usr/bin/python3
"""The layering check: what the objects of a folder need from outside.

usage: check_symbols.py --folder proto --objects OBJECT... [--given OBJECT...]

Every symbol that an object leaves undefined must be defined by an object of its folder, by one of
the folders it is built on (--given), or stand in the folder's allowlist, tools/allow/<folder>.txt.
An object whose own list exists (tools/allow/proto.crypto.txt for proto's crypto.o) may use that
too; every object may use tools/allow/compiler.txt, what the compiler itself puts in, and the
checked form of what it may use (__memcpy_chk for memcpy). So only crypto.o can name a crypto library, and nothing pure can reach a clock, a socket, a
file, a thread, the environment or a random source.

Random sources are refused even where a list has them, but for crypto_init.o, whose function is for
the node folder alone. Objects of base and core keep no mutable state of their own. A list names
nothing that no object needs, unless the line starts with `?` (needed by some compilers only).
"""

import argparse
import collections
import pathlib
import re
import subprocess
import sys

import tree

RANDOM = re.compile(r"^(RAND_|randombytes|getrandom|getentropy|arc4random|random$|rand$|rand_r$|srand)")
STATELESS_FOLDERS = {"base", "core"}
FORTIFIED = re.compile(r"^__(?!stack)(\w+)_chk$")
INIT_FUNCTION = re.compile(r"^wpm_crypto_init")
FOLDERS_THAT_INIT = {"node", "proto"}
MUTABLE_SECTIONS = re.compile(r"^(\.data|\.bss|\.tdata|\.tbss|COM|\*COM\*)(?!\.rel\.ro)")

Symbol = collections.namedtuple("Symbol", "name defined section is_global")


def symbols_of(path):
    """What `nm` says of one object."""
    text = subprocess.run(
        ["nm", "--format=sysv", str(path)], check=True, capture_output=True, text=True).stdout
    found = []
    for line in text.splitlines():
        fields = [field.strip() for field in line.split("|")]
        if len(fields) != 7 or fields[0] == "Name":
            continue
        name, _, kind, _, _, _, section = fields
        name = FORTIFIED.sub(r"\1", name.split("@")[0])
        found.append(Symbol(name, kind.upper() != "U" and kind not in "vw", section, kind.isupper()))
    return found


def stem_of(path):
    """crypto for crypto.o, crypto.c.o; identify.pb for identify.pb.c.o."""
    name = pathlib.Path(path).name
    for suffix in (".o", ".c"):
        if name.endswith(suffix):
            name = name[: -len(suffix)]
    return name


class Allowlist:
    """One file of tools/allow: a symbol a line, # for comments, ? for those needed only sometimes."""

    def __init__(self, path):
        self.path = path
        self.required, self.optional = set(), set()
        for line in path.read_text().splitlines():
            name = line.split("#")[0].strip()
            if name.startswith("?"):
                self.optional.add(name[1:])
            elif name:
                self.required.add(name)
        self.used = set()

    def allows(self, name):
        if name in self.required or name in self.optional:
            self.used.add(name)
            return True
        return False


class Checker:
    def __init__(self, folder, allow_directory):
        self.folder = folder
        self.directory = allow_directory
        self.lists = {}
        self.problems = []

    def list_for(self, name):
        path = self.directory / f"{name}.txt"
        if name not in self.lists and path.exists():
            self.lists[name] = Allowlist(path)
        return self.lists.get(name)

    def check_object(self, path, known):
        stem = stem_of(path)
        lists = [self.list_for(name) for name in
                 ("compiler", self.folder, f"{self.folder}.{stem}")]
        where = f"{self.folder}/{stem}.o"
        for symbol in symbols_of(path):
            if symbol.defined:
                if (self.folder in STATELESS_FOLDERS
                        and MUTABLE_SECTIONS.match(symbol.section)):
                    self.problems.append(
                        f"{where}: {symbol.name} is mutable state ({symbol.section}); "
                        "pass it as an argument")
                continue
            if INIT_FUNCTION.match(symbol.name) and self.folder not in FOLDERS_THAT_INIT:
                self.problems.append(f"{where}: {symbol.name} is for node alone")
            if RANDOM.match(symbol.name) and stem != "crypto_init":
                self.problems.append(
                    f"{where}: names {symbol.name}: a random source; randomness is an argument")
            elif symbol.name not in known and not any(
                    [allowed.allows(symbol.name) for allowed in lists if allowed]):
                self.problems.append(f"{where}: names {symbol.name}, "
                                     f"which tools/allow/{self.folder}.txt does not allow")

    def check_lists_are_minimal(self):
        for allowed in self.lists.values():
            for name in sorted(allowed.required - allowed.used):
                self.problems.append(f"{allowed.path.name}: {name} is allowed, but nothing uses it")


def main():
    parser = argparse.ArgumentParser(description="Checks which outside symbols a folder's objects use.")
    parser.add_argument("--folder", required=True)
    parser.add_argument("--objects", nargs="+", required=True, type=pathlib.Path)
    parser.add_argument("--given", nargs="*", default=[], type=pathlib.Path,
                        help="objects of the folders that this one is built on")
    parser.add_argument("--allow", type=pathlib.Path,
                        default=tree.root_of_project() / "tools" / "allow")
    parser.add_argument("--partial", action="store_true",
                        help="the objects are not the whole folder: unused entries are fine")
    arguments = parser.parse_args()

    known = {symbol.name for path in arguments.objects + arguments.given
             for symbol in symbols_of(path) if symbol.defined and symbol.is_global}
    checker = Checker(arguments.folder, arguments.allow)
    for path in arguments.objects:
        checker.check_object(path, known)
    if not arguments.partial:
        checker.check_lists_are_minimal()
    return tree.report(checker.problems, f"symbols of {arguments.folder}")


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/python3
"""Switches each rule of the policy off in turn (src/core/rules.h) and asks whether a test fails. A rule
that no test would miss fails this one. The programs are those of a build with WPM_MUTATION."""

import argparse
import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys

CORE = pathlib.Path(__file__).resolve().parents[2] / "src/core"
HEADER = CORE / "rules.h"
TIMEOUT = 60  # A test that hangs without its rule has noticed, too.


def rules():
    text = HEADER.read_text(encoding="utf-8")
    names = re.findall(r'^ *X\([A-Z0-9_]+, "([a-z0-9_]+)"\)', text, re.MULTILINE)
    if len(names) < 30 or len(names) != len(re.findall(r"^ *X\(", text, re.MULTILINE)):
        sys.exit(f"{HEADER}: {len(names)} rules are found; it has more")
    return names


def modules():
    """Of each rule the files of core that ask whether it holds."""
    found = {}
    for path in sorted(CORE.glob("*.[ch]")):
        if path != HEADER:
            for rule in re.findall(r"\bWPM_RULE_([A-Z0-9_]+)\b", path.read_text(encoding="utf-8")):
                found.setdefault(rule.lower(), set()).add(path.stem)
    return found


def nearest_first(programs, stems):
    """The tests of those files in front: they are likely to be the ones. All others follow."""
    names = {f"test_core_{stem}" for stem in stems}
    return sorted(programs, key=lambda program: pathlib.Path(program).name not in names)


def fails(program, rule):
    environment = {**os.environ, "WPM_TEST_SEED": "1"}
    environment.pop("WPM_RULE_OFF", None)
    if rule:
        environment["WPM_RULE_OFF"] = rule
    try:
        return subprocess.run([program], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                              timeout=TIMEOUT, check=False).returncode != 0
    except subprocess.TimeoutExpired:
        return True


def who_misses(programs, rule):
    """The first program that fails without the rule; None: there is none."""
    return next((program for program in programs if fails(program, rule)), None)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("programs", nargs="+", help="test programs, the quickest first")
    parser.add_argument("--rule", action="append", help="only this one (may be repeated)")
    args = parser.parse_args()
    names = args.rule or rules()
    asked_in = modules()
    dead = [name for name in names if name not in asked_in]
    if dead:
        sys.exit("nothing asks whether these hold: " + ", ".join(dead))
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        broken = [each for each, fail in zip(args.programs, pool.map(lambda p: fails(p, None), args.programs)) if fail]
        if broken:
            sys.exit("these fail with every rule in force: " + ", ".join(broken))
        missed = dict(zip(names, pool.map(
            lambda rule: who_misses(nearest_first(args.programs, asked_in[rule]), rule), names)))
    for rule, program in missed.items():
        print(f"{rule:<20}{pathlib.Path(program).name if program else 'NO TEST FAILS WITHOUT IT'}")
    sys.exit(1 if None in missed.values() else 0)


if __name__ == "__main__":
    main()

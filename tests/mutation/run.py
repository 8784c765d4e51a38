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

HEADER = pathlib.Path(__file__).resolve().parents[2] / "src/core/rules.h"
TIMEOUT = 60  # A test that hangs without its rule has noticed, too.


def rules():
    return re.findall(r'^ *X\([A-Z_]+, "([a-z_]+)"\)', HEADER.read_text(encoding="utf-8"), re.MULTILINE)


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
    args = parser.parse_args()
    names = rules()
    if len(names) < 30:
        sys.exit(f"{HEADER}: {len(names)} rules are found; it has more")
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        broken = [each for each, fail in zip(args.programs, pool.map(lambda p: fails(p, None), args.programs)) if fail]
        if broken:
            sys.exit("these fail with every rule in force: " + ", ".join(broken))
        missed = dict(zip(names, pool.map(lambda rule: who_misses(args.programs, rule), names)))
    for rule, program in missed.items():
        print(f"{rule:<20}{pathlib.Path(program).name if program else 'NO TEST FAILS WITHOUT IT'}")
    sys.exit(1 if None in missed.values() else 0)


if __name__ == "__main__":
    main()

#!/usr/bin/python3
"""Counts the instructions of the store's operations and the manager's decisions under callgrind and holds them against
bench/budgets.txt; see bench/README.md.

Ends with 1 where one takes more than 5 % above its budget, with 77 where it cannot be measured here:
the budgets are those of Debian 12's gcc on x86-64.
"""

import argparse
import json
import pathlib
import platform
import re
import shutil
import subprocess
import sys
import tempfile

SKIPPED = 77
ABOVE, BELOW = 1.05, 0.95
COMPILER, LIBC = "gcc 12.2", "2.36"
# What the store and the C library choose code by at run time must be there, and the same everywhere.
CPU_FLAGS = {"avx2", "bmi1", "bmi2", "popcnt", "sse4_2"}
TUNABLES = ":".join((
    "glibc.cpu.hwcaps=-AVX2,-AVX512F,-AVX512VL,-AVX_Fast_Unaligned_Load,-ERMS,-FSRM",
    "glibc.cpu.x86_data_cache_size=32768",
    "glibc.cpu.x86_shared_cache_size=1048576",
    "glibc.cpu.x86_non_temporal_threshold=786432",
    "glibc.malloc.arena_max=1",
    "glibc.malloc.mmap_threshold=131072",
    "glibc.malloc.tcache_count=7"))


class CannotMeasure(Exception):
    """Why the instructions mean nothing here."""


def cpu_flags():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("flags"):
            return set(line.split(":", 1)[1].split())
    return set()


def check_here(programs):
    if not shutil.which("valgrind"):
        raise CannotMeasure("valgrind is not installed")
    for program in programs:
        if not program.exists():
            raise CannotMeasure(f"{program.name} was not built")
    about = json.loads(subprocess.run([programs[0], "about"], check=True, capture_output=True).stdout)
    if not about["counted"]:
        raise CannotMeasure("it was built without valgrind's headers")
    if about["arch"] != "x86_64" or about["compiler"] != COMPILER:
        raise CannotMeasure(f"the budgets are of {COMPILER} on x86-64, optimised")
    if platform.libc_ver() != ("glibc", LIBC):
        raise CannotMeasure(f"the budgets are of glibc {LIBC}")
    missing = CPU_FLAGS - cpu_flags()
    if missing:
        raise CannotMeasure(f"this processor lacks {', '.join(sorted(missing))}")


def run(program):
    """The operations of each phase, and the instructions: {phase: (operations, instructions)}."""
    with tempfile.TemporaryDirectory() as directory:
        out = pathlib.Path(directory) / "callgrind.out"
        done = subprocess.run(
            ["valgrind", "--tool=callgrind", "--quiet", f"--callgrind-out-file={out}",
             "--dump-line=no", "--instr-atstart=no", program],  # They say themselves when; counted.h.
            env={"GLIBC_TUNABLES": TUNABLES, "PATH": "/usr/bin:/bin", "LC_ALL": "C"},
            capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise SystemExit(f"{program} under callgrind: {done.stderr}")
        costs = inclusive_costs(out.read_text())
    phases = [json.loads(line) for line in done.stdout.splitlines()]
    return {p["phase"]: (p["operations"], costs[f"phase_{p['phase']}"]) for p in phases}


def inclusive_costs(text):
    """What each function named phase_… took with all that it calls: its call by main says so."""
    names, costs, callee = {}, {}, None
    for line in text.splitlines():
        match = re.match(r"(c?fn)=\((\d+)\)(?: (.*))?$", line)
        if match:
            if match[3]:
                names[match[2]] = match[3].split("'")[0]
            callee = names[match[2]] if match[1] == "cfn" else None
        elif line.startswith("calls="):
            continue
        elif callee and re.match(r"[+\-*\d]", line):
            if callee.startswith("phase_"):
                name = re.sub(r"\..*", "", callee)
                costs[name] = costs.get(name, 0) + int(line.split()[1])
            callee = None
    return costs


def read_budgets(path):
    budgets = {}
    for line in path.read_text().splitlines():
        if line and not line.startswith("#"):
            name, instructions = line.split()
            budgets[name] = int(instructions)
    return budgets


HEAD = """\
# Instructions that an operation of the store (bench/store/bench_count.c), or an event of the manager among a
# million peers (bench/bench_count_manager.c), may take, by callgrind; Debian 12's gcc, release build, x86-64.
# `make bench-count` compares, `make bench-count ARGS=--update` writes anew.
"""


def compare(measured, budgets):
    """Prints all of them; returns those that are too high, and whether some are lower than need be."""
    too_high, lower = [], False
    for name, instructions in measured.items():
        budget = budgets.get(name)
        note = ""
        if budget is None:
            note = "  no budget"
            too_high.append(name)
        elif instructions > budget * ABOVE:
            note = "  TOO HIGH"
            too_high.append(name)
        elif instructions < budget * BELOW:
            note = "  lower"
            lower = True
        print(f"{name:24}{instructions:>10}{budget if budget is not None else '-':>10}{note}")
    return too_high, lower


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--program", type=pathlib.Path, required=True, nargs="+",
                        help="our bench_count and bench_count_manager")
    parser.add_argument("--budgets", type=pathlib.Path,
                        default=pathlib.Path(__file__).with_name("budgets.txt"))
    parser.add_argument("--update", action="store_true", help="write what is measured as budgets")
    args = parser.parse_args()
    try:
        check_here(args.program)
    except CannotMeasure as reason:
        print(f"instructions not counted: {reason}")
        return SKIPPED
    measured = {name: round(cost / operations)
                for program in args.program
                for name, (operations, cost) in run(program.resolve()).items()}
    if args.update:
        args.budgets.write_text(HEAD + "".join(f"{n} {i}\n" for n, i in measured.items()))
        print(f"{len(measured)} budgets written to {args.budgets}")
        return 0
    print(f"{'instructions a':24}{'measured':>10}{'budget':>10}")
    too_high, lower = compare(measured, read_budgets(args.budgets))
    if lower:
        print("Some take less than their budget: make bench-count ARGS=--update keeps that.")
    if too_high:
        print(f"Above the budget by more than 5 %: {', '.join(too_high)}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

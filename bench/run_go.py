#!/usr/bin/python3
"""Measures the Go binding by go-libp2p's own benchmarks of a peerstore, beside pstoremem, and on SQLite
beside pstoreds on leveldb; see bench/README.md."""

import argparse
import json
import pathlib
import re
import statistics
import subprocess
import sys

import run
from run import OURS, BenchError, Figures, Unavailable, progress

MEM, DS, DISK = "go pstoremem", "go pstoreds", "wakupeers on SQLite"
# Ours first: what is compared with what, the benchmark of each, and the rows.
MEMORY_PAIR = {OURS: "BenchmarkWakupeers", MEM: "BenchmarkPstoremem"}
DISK_PAIR = {DISK: "BenchmarkSQLite", DS: "BenchmarkLevelDB"}
DISK_ROWS = "^(AddAddrs|SetAddrs)-"
ROW = re.compile(r"^(Benchmark\w+)/(\w+?)(?:-(\d+))?(?:-\d+)?\s+\d+\s+([\d.]+) ns/op")
MOST_OF_PSTOREMEM, TIMES_PSTOREDS = 1.1, 20
ROUND_TIMEOUT = 900


def build(out):
    """The program that holds all benchmarks."""
    run.version_of(["go", "version"], r"go(\d+\.\d+(?:\.\d+)?)", (1, 26, 6), "Go >= 1.26.6")
    program = out / "go-binding.test"
    run.build("the benchmarks of the Go binding",
              ["go", "test", "-c", "-mod=readonly", "-buildvcs=false", "-o", str(program), "."],
              run.HERE / "go", out / "go-binding.log", {"GOTOOLCHAIN": "local", "GOWORK": "off"})
    return program


def rows_of(text):
    """(row, addresses a peer or None, nanoseconds); the processors are at the end of each name."""
    for line in text.splitlines():
        if match := ROW.match(line):
            yield match[2], int(match[3]) if match[2].endswith("Addrs") else None, float(match[4])


def measure(program, pair, rows, seconds, rounds, directory, figures):
    """Each round runs all of them once, another one first each time."""
    for repeat in range(rounds):
        for impl in run.rotated(pair, repeat):
            progress(f"round {repeat + 1} of {rounds}: {impl}")
            done = subprocess.run(
                [program, "-test.run=^$", f"-test.bench=^{pair[impl]}$/{rows}",
                 f"-test.benchtime={seconds}s"], cwd=directory, capture_output=True, text=True,
                timeout=ROUND_TIMEOUT, check=False)
            found = list(rows_of(done.stdout))
            if done.returncode != 0 or not found:
                raise BenchError(f"{impl}: exit {done.returncode}\n{done.stdout}{done.stderr}")
            for row, size, value in found:
                figures.add(row, impl, size, value, "ns")
    progress("")


def compare(figures, ours, other, goal):
    """A line a row: ours, theirs, and the ratio of the fastest rounds, for what else the machine does
    only adds; `goal(ratio)` says whether it is reached."""
    missed = 0
    print(f"{'ns/op, median [min-max]':<26}{ours:>32}{other:>32}{'min / min':>15}")
    for bench, impl, size in list(figures.samples):
        if impl != ours:
            continue
        cells, fastest = [], []
        for who in (ours, other):
            values = figures.samples[bench, who, size]
            fastest.append(min(values))
            cells.append(f"{statistics.median(values):.1f} [{min(values):.1f}-{max(values):.1f}]")
        ratio = fastest[0] / fastest[1]
        met = goal(ratio)
        missed += not met
        label = bench if size is None else f"{bench}-{size}"
        print(f"{label:<26}{cells[0]:>32}{cells[1]:>32}{ratio:>15.3f}{'' if met else '  MISSED'}")
    return missed


def measure_all(args):
    args.out.mkdir(parents=True, exist_ok=True)
    print(run.machine())
    try:
        program = build(args.out)
    except Unavailable as reason:
        print(f"The Go binding is not measured: {reason}")
        return
    print(f"go-libp2p {run.rival_version('go-libp2p')}\n", flush=True)
    figures = Figures()
    measure(program, MEMORY_PAIR, ".", args.seconds, args.rounds, args.out, figures)
    missed = compare(figures, OURS, MEM, lambda ratio: ratio <= MOST_OF_PSTOREMEM)
    print(f"Goal: at most {MOST_OF_PSTOREMEM} of pstoremem's time in each row; missed in {missed}\n",
          flush=True)
    measure(program, DISK_PAIR, DISK_ROWS, args.seconds, args.rounds, args.out, figures)
    missed = compare(figures, DISK, DS, lambda ratio: ratio <= 1 / TIMES_PSTOREDS)
    print(f"Goal: at most 1/{TIMES_PSTOREDS} of pstoreds' time in each row; missed in {missed}")
    (args.out / "go.jsonl").write_text("".join(json.dumps(line) + "\n" for line in figures.lines()))
    print(f"\nThe figures are in {args.out}/go.jsonl")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=pathlib.Path, required=True,
                        help="where the benchmarks are built and figures are written")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.3, help="a row and round")
    args = parser.parse_args()
    args.out = args.out.resolve()
    try:
        measure_all(args)
    except (BenchError, subprocess.TimeoutExpired) as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())

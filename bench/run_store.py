#!/usr/bin/python3
"""Measures the peer store beside those of go-libp2p, rust-libp2p and js-libp2p; see
bench/README.md."""

import argparse
import json
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import run
from run import OURS, BenchError, Figures, Process, Unavailable, progress, rotated

MEM, DS = "go pstoremem", "go pstoreds"
RUST, JS = "rust MemoryStore", "js peer-store"
SIZES = (10_000, 100_000, 1_000_000)
SETS = ("zipf", "random")
# The largest size that an implementation is measured at.
MOST = {DS: 100_000, JS: 100_000}
# The library that has it.
LIBRARY = {MEM: "go-libp2p", DS: "go-libp2p", RUST: "rust-libp2p", JS: "js-libp2p"}
# How a pick of ten is asked: again and again, anew (what was kept of it is forgotten), behind a
# change, behind a thousand.
WAYS = ("", "_anew", "_change", "_changes")
PICKS = tuple(pick + way for pick in ("pick", "pick_rare", "pick_few", "pick_apart", "pick_never")
              for way in WAYS)
# What each can be asked for, beside `insert`, `settle`, `again` and `lookup`.
QUERIES = {OURS: ("count", "count_pair", "count_pair_anew", "count_pair_changed", "count_table",
                  "count_table_changed", "list", "page", "page_pair", "page_rare", *PICKS),
           MEM: ("count", "list", "page", "pick"), DS: ("count", "list", "page", "pick"), RUST: (),
           JS: ("count", "list")}
# Of those, what implementations may rightly differ in: they choose at random, or hold no state.
DIFFER = ("page", "pick")
# Those that are slow here are asked less: a part of `again`, and one query of two.
AGAIN_PART = {DS: 5000}
SLOW_LIST = {JS: 10_000}
ASKED = "/vac/waku/relay/2.0.0"
# How long changes go on at each size; the largest is the one that counts.
CHANGE_SECONDS = {1_000_000: 60}
CHANGE_SECONDS_ELSE = 5
STEP_TIMEOUT = 400
# Seconds: what the rounds of a size behind its first may take, how long one may have taken in that
# first round to be repeated, and when the last measurement may begin.
BUDGET, REPEAT_BELOW, LAST_BEGIN = 60, 20, 1150
WIDTH = 26  # Of a column.


class Answers:
    """All implementations must find the same."""

    def __init__(self):
        self.known = {}

    def check(self, impl, key, answer):
        other, expected = self.known.setdefault(key, (impl, answer))
        if answer != expected:
            raise BenchError(f"{' '.join(map(str, key))}: {other} finds {expected}, "
                             f"{impl} {answer}")


def per_second(result):
    return result["count"] / result["seconds"] / 1e3


def each(query, result):
    """What one took, with its unit: a page is short, the others go through the store."""
    unit, factor = ("us", 1e6) if query.startswith(DIFFER) else ("ms", 1e3)
    return result["seconds"] / result["count"] * factor, unit


def measure_store(impl, command, peers, size, figures, answers):
    with Process([*command, "store", str(peers)]
                 + ([str(peers.parent / "leveldb")] if impl == DS else [])) as store:
        return measure_process(impl, store, peers, size, figures, answers)


def measure_process(impl, store, peers, size, figures, answers):
    chosen = peers.name.split("-")[0]
    suffix = "" if chosen == SETS[0] else f"_{chosen}"

    def ask(command):
        progress(f"{size} {chosen}: {impl}, {command}")
        return store.ask(command, STEP_TIMEOUT)

    empty = store.read(STEP_TIMEOUT)
    resident = store.resident()
    result = ask("insert")
    if empty["peers"] != size or result["answer"] != size:
        raise BenchError(f"{impl}: of {size} peers {result['answer']} are held")
    figures.add(f"insert{suffix}", impl, size, per_second(result), "k/s")
    heap = ask("settle")["heap"] - empty["heap"]
    figures.add(f"heap{suffix}", impl, size, heap / size, "B")
    figures.add(f"resident{suffix}", impl, size, (store.resident() - resident) / size, "B")
    if not suffix:
        again = f"again {AGAIN_PART[impl]}" if impl in AGAIN_PART else "again"
        figures.add("again", impl, size, per_second(ask(again)), "k/s")
        for how in ("lookup", "lookup_many", "find_many") if impl == OURS else ("lookup",):
            result = ask(how)
            if how != "find_many":  # It counts peers, where the others add up addresses.
                answers.check(impl, ("lookup", chosen, size), result["answer"])
            figures.add(how, impl, size, per_second(result), "k/s")
        if "pick" in QUERIES[impl] and impl != OURS:
            ask("shards")  # Ours are part of a peer; go-libp2p keeps them as metadata.
    for query in QUERIES[impl]:
        if suffix and query != "count" or query == "list" and size > SLOW_LIST.get(impl, size):
            continue
        result = ask(query)
        if not query.startswith(DIFFER) and not query.endswith("_changed"):
            answers.check(impl, (query, chosen, size), result["answer"])
        figures.add(query + suffix, impl, size, *each(query, result))


def measure_start(impl, command, size, figures, answers):
    """From before the process exists to its first answer."""
    progress(f"{size}: {impl}, cold start")
    begin = time.monotonic()
    with Process(command) as process:
        answer = process.read(STEP_TIMEOUT)["answer"]
        figures.add("start", impl, size, time.monotonic() - begin, "s")
        answers.check(impl, ("count", SETS[0], size), answer)


def measure_full(command, peers, size, figures):
    """Ours with every fact of a peer set."""
    with Process([*command, "store", str(peers)]) as store:
        empty = store.read(STEP_TIMEOUT)
        resident = store.resident()
        progress(f"{size}: {OURS}, every fact")
        store.ask("insert_full", STEP_TIMEOUT)
        heap = store.ask("settle")["heap"] - empty["heap"]
        figures.add("heap_full", OURS, size, heap / size, "B")
        figures.add("resident_full", OURS, size, (store.resident() - resident) / size, "B")
    with Process([*command, "store", str(peers)]) as store:
        store.read(STEP_TIMEOUT)
        progress(f"{size}: {OURS}, growing")
        longest = store.ask("insert_longest", STEP_TIMEOUT)["most_us"]
        figures.add("insert_longest", OURS, size, longest, "us")


def measure_changes(programs, peers, database, size, figures):
    """Changes through the node's writer, as its loop makes them."""
    seconds = CHANGE_SECONDS.get(size, CHANGE_SECONDS_ELSE)
    progress(f"{size}: {OURS}, changing for {seconds} s")
    with Process([str(programs / "bench_writer"), str(peers), database, str(seconds)]) as writer:
        result = writer.read(STEP_TIMEOUT)
    figures.add("change", OURS, size, per_second(result), "k/s")
    figures.add("change_cpu_most", OURS, size, result["cpu_most_us"], "us")
    figures.add("change_wall_p999", OURS, size, result["wall_p999_us"], "us")
    figures.add("change_oldest", OURS, size, result["oldest_ms"], "ms")


def measure_disk(command, programs, peers, size, figures, answers):
    """Ours on SQLite."""
    with tempfile.TemporaryDirectory(dir=peers.parent, prefix="sqlite-") as directory:
        database = f"{directory}/peers.db"
        with Process([*command, "store", str(peers), database]) as store:
            store.read(STEP_TIMEOUT)
            store.ask("insert", STEP_TIMEOUT)
            progress(f"{size}: {OURS}, writing")
            figures.add("write", OURS, size, per_second(store.ask("write", STEP_TIMEOUT)), "k/s")
        measure_changes(programs, peers, database, size, figures)
        for _ in range(3):
            measure_start(OURS, [*command, "start", database, ASKED], size, figures, answers)


# --- the run --------------------------------------------------------------------------------------


def measure_size(programs, directory, size, args, begin, figures, answers):
    took, begun = {}, 0
    for repeat in range(args.repeats):
        begun = time.monotonic() if repeat < 2 else begun
        for impl in rotated(programs, repeat):
            if size > MOST.get(impl, size) or took.get(impl, 0) > REPEAT_BELOW:
                continue
            if repeat and (impl not in took or time.monotonic() - begun + took[impl] > BUDGET):
                continue
            if time.monotonic() - begin > LAST_BEGIN:
                if repeat == 0:
                    print(f"{impl} at {size} not measured, for want of time")
                continue
            start = time.monotonic()
            measure_store(impl, programs[impl], directory / f"zipf-{size}.peers", size, figures,
                          answers)
            if impl == DS:
                measure_start(DS, [*programs[DS], "store-start", str(directory / "leveldb"),
                                   ASKED], size, figures, answers)
                shutil.rmtree(directory / "leveldb")
            took[impl] = time.monotonic() - start


def measure_all(programs, directory, args, figures):
    answers, begin = Answers(), time.monotonic()
    for size in args.sizes:
        measure_size(programs, directory, size, args, begin, figures, answers)
        measure_full(programs[OURS], directory / f"zipf-{size}.peers", size, figures)
        if time.monotonic() - begin < LAST_BEGIN:
            measure_disk(programs[OURS], args.programs, directory / f"zipf-{size}.peers", size,
                         figures, answers)
    for size in args.sizes:
        for impl in (OURS, MEM):
            if impl not in programs:
                continue
            if time.monotonic() - begin > LAST_BEGIN:
                print(f"random protocols, {impl} at {size} not measured, for want of time")
                continue
            measure_store(impl, programs[impl], directory / f"random-{size}.peers", size, figures,
                          answers)
    progress("")
    print(f"measured in {time.monotonic() - begin:.0f} s")


def rows(sizes):
    """As run.rows()."""
    groups = (
        ("look-up of a record by id, random order, thousand a second", "lookup", 0),
        ("insert of a whole peer from binary, thousand a second", "insert", 1),
        ("  the longest of them while the store grows, us of CPU", "insert_longest", 1),
        ("the same again, thousand a second", "again", 1),
        ("look-up in batches (find_many), thousand a second", "find_many", 0),
        ("  with their records (get_many)", "lookup_many", 0),
        ("count of the peers of one protocol, ms", "count", 3),
        ("count of one (protocol, state) pair, ms", "count_pair", 4),
        ("  asked anew", "count_pair_anew", 4),
        ("  behind 1000 changes", "count_pair_changed", 4),
        ("counts of the whole table, each protocol with each state, ms", "count_table", 3),
        ("  behind 1000 changes", "count_table_changed", 3),
        *((title if way == "" else f"  {how}", pick + way, 2)
          for pick, title in (
              ("pick", "pick ten of dialable, relay, shard, us"),
              ("pick_rare", "pick ten where 1 in 500 is of the shard, us"),
              ("pick_few", "pick ten where at most 1000 are of the shard, us"),
              ("pick_apart", "pick ten of two large sets with few in common, us"),
              ("pick_never", "pick ten of two large sets with none in common, us"))
          for way, how in zip(WAYS, ("", "asked anew", "behind a change", "behind 1000 changes"))),
        ("list of all peers of one protocol, ms", "list", 3),
        ("ten peers of one protocol, us", "page", 1),
        ("ten peers of protocol and state, 1 in 5 has that state, us", "page_pair", 1),
        ("ten peers of protocol and state, 1 in 1000 has that state, us", "page_rare", 1),
        ("heap of a peer, bytes", "heap", 0),
        ("resident memory of a peer, bytes", "resident", 0),
        ("heap of a peer with every fact, bytes", "heap_full", 0),
        ("resident memory of a peer with every fact, bytes", "resident_full", 0),
        ("on disk: all peers into a new database, thousand a second", "write", 1),
        ("on disk: changes at random, durable, thousand a second", "change", 1),
        ("  longest CPU time of 32 changes on the loop's thread, us", "change_cpu_most", 1),
        ("  p99.9 of 32 changes by the clock, us", "change_wall_p999", 1),
        ("  oldest that a change got before it was durable, ms", "change_oldest", 0),
        ("on disk: new process to first full answer, s", "start", 3),
        ("random protocols: insert, thousand a second", "insert_random", 1),
        ("random protocols: heap of a peer, bytes", "heap_random", 0),
        ("random protocols: resident memory of a peer, bytes", "resident_random", 0),
        ("random protocols: count of the peers of one protocol, ms", "count_random", 3),
    )
    for title, bench, digits in groups:
        yield title, [(f"{size} peers", bench, size, digits) for size in sizes]


def goals(figures, sizes):
    """What is to be reached: at the largest size, picks at each."""
    size = sizes[-1]

    def ours(bench, of=size):
        return figures.median(bench, OURS, of)

    def times(bench):
        mine, theirs = ours(bench), figures.median(bench, MEM, size)
        return mine / theirs if mine and theirs else None

    yield "look-ups, thousand a second", ours("lookup"), ">=", 3000
    yield "look-ups: times go pstoremem", times("lookup"), ">=", 5
    yield "look-ups in batches, thousand a second", ours("find_many"), ">=", 10000
    yield "inserts, thousand a second", ours("insert"), ">=", 1000
    yield "inserts: times go pstoremem", times("insert"), ">=", 5
    yield "inserts again, thousand a second", ours("again"), ">=", 2500
    for of in sizes:
        for way in WAYS:
            yield f"us a pick{way.replace('_', ', ')} of {of}", ours("pick" + way, of), "<=", 5
            for pick in ("pick_rare", "pick_few"):
                yield (f"us a {pick}{way.replace('_', ', ')} of {of}", ours(pick + way, of), "<=", 5)
            for pick in ("pick_apart", "pick_never"):
                yield (f"us a {pick}{way.replace('_', ', ')} of {of}", ours(pick + way, of), "<=",
                       30)
    for way in ("", "_anew", "_changed"):
        yield f"ms a count of one pair{way.replace('_', ', ')}", ours("count_pair" + way), "<=", 0.02
    for way in ("", "_changed"):
        yield f"ms the whole table{way.replace('_', ', ')}", ours("count_table" + way), "<=", 1
    yield "resident bytes a peer", ours("resident"), "<=", 300
    yield "resident bytes a peer with every fact", ours("resident_full"), "<=", 400
    yield "s to start from SQLite", ours("start"), "<=", 3
    yield "durable changes, thousand a second", ours("change"), ">=", 200
    yield "us of CPU, the loop's longest slice", ours("change_cpu_most"), "<=", 1000
    yield "us of CPU, the longest insert while the store grows", ours("insert_longest"), "<=", 1000


def available(args):
    """The commands of what can be measured, ours first, and why the others cannot."""
    programs, missing, built = {OURS: [str(args.programs / "bench_store")]}, {}, {}
    for impl in args.impl:
        library = LIBRARY[impl]
        try:
            if library not in built:
                built[library] = run.RIVALS[library](args.out)
            programs[impl] = built[library]
        except Unavailable as reason:
            missing[impl] = str(reason)
    return programs, missing


def make_peers(args):
    """The directory that holds the peers; smaller sizes are the first of the largest."""
    directory = args.out / "store"
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    subprocess.run([args.programs / "bench_peers", directory, *map(str, args.sizes)], check=True)
    return directory


def measure(args):
    args.out.mkdir(parents=True, exist_ok=True)
    print(run.machine())
    programs, missing = available(args)
    for impl in LIBRARY:
        if impl in programs:
            print(f"{impl} of {LIBRARY[impl]} {run.rival_version(LIBRARY[impl])}")
        elif impl in missing:
            print(f"{impl} not measured: {missing[impl]}")
    print(flush=True)
    directory = make_peers(args)
    figures = Figures()
    try:
        measure_all(programs, directory, args, figures)
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    run.print_table(figures, list(programs), rows(args.sizes), WIDTH)
    if SIZES[-1] in args.sizes:
        run.print_goals(goals(figures, args.sizes))
    (args.out / "store.jsonl").write_text(
        "".join(json.dumps(line) + "\n" for line in figures.lines()))
    print(f"\nThe figures are in {args.out}/store.jsonl")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--programs", type=pathlib.Path, required=True,
                        help="the directory of our programs")
    parser.add_argument("--out", type=pathlib.Path, required=True,
                        help="where rivals are built and figures are written")
    parser.add_argument("--impl", action="append", choices=list(LIBRARY),
                        help="rivals; repeatable")
    parser.add_argument("--size", action="append", type=int, dest="sizes",
                        help="peers, at least 10000; repeatable")
    parser.add_argument("--repeats", type=int, default=3)
    args = parser.parse_args()
    args.impl, args.sizes = args.impl or list(LIBRARY), sorted(set(args.sizes or SIZES))
    if args.repeats < 1 or args.sizes[0] < 10_000:
        parser.error("--repeats takes numbers above 0, --size numbers from 10000")
    args.programs, args.out = args.programs.resolve(), args.out.resolve()
    return args


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    args = arguments()
    try:
        measure(args)
    except (BenchError, subprocess.CalledProcessError) as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    finally:
        for process in list(Process.alive):
            process.end()
    return 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/python3
"""Measures the network beside go-libp2p, rust-libp2p and js-libp2p, and the wire protocols alone; see
bench/README.md."""

import argparse
import collections
import json
import os
import pathlib
import platform
import re
import resource
import select
import shutil
import signal
import statistics
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
OURS = "wakupeers"
NODE = "wakupeers node"
RAW = "raw echo"
BENCHES = ("dial", "ping", "idle", "proto", "manager")
KEYS = ("ed25519", "secp256k1")
PARALLEL = (1, 32)
IDLE_SIZES = (1000, 5000)
PING_BYTES = 32
RAW_PAIRS, RAW_SECONDS = 5, 0.15
START_TIMEOUT = 30
RUN_TIMEOUT = 120
SPARE_DESCRIPTORS = 200
# Seconds that the rounds of a bench may take in all.
BUDGET = {"dial": 260, "ping": 80, "idle": 160}


# The commands that start an implementation's listener and its dialler.
Program = collections.namedtuple("Program", "listener dialler")


class Unavailable(Exception):
    """An implementation cannot be measured here; says what is missing."""


class BenchError(Exception):
    """A measurement went wrong; nothing of it can be trusted."""


# --- building -------------------------------------------------------------------------------------


def version_of(command, pattern, least, needs):
    if not shutil.which(command[0]):
        raise Unavailable(f"needs {needs}")
    environment = dict(os.environ, GOTOOLCHAIN="local")
    text = subprocess.run(command, capture_output=True, text=True, env=environment).stdout
    match = re.search(pattern, text)
    found = tuple(int(part) for part in match.group(1).split(".")) if match else ()
    if found < least:
        raise Unavailable(f"needs {needs}; found {match.group(1) if match else 'none'}")


def build(what, command, directory, log, environment=None):
    """Runs a build; its output goes to a file, its last words into the reason if it fails."""
    print(f"building {what} …", file=sys.stderr, flush=True)
    with open(log, "w") as output:
        code = subprocess.run(command, cwd=directory, stdout=output, stderr=subprocess.STDOUT,
                              env=dict(os.environ, **(environment or {}))).returncode
    if code != 0:
        words = [line for line in log.read_text().splitlines() if line.strip()]
        raise Unavailable(f"its build failed ({log}): {words[-1] if words else f'exit {code}'}")


def copy_sources(name, target):
    """Tools that write beside their sources get a copy to write beside."""
    target.mkdir(parents=True, exist_ok=True)
    for path in (HERE / "rivals" / name).rglob("*"):
        if path.is_file() and not {"node_modules", "target"} & set(path.parts):
            copy = target / path.relative_to(HERE / "rivals" / name)
            copy.parent.mkdir(parents=True, exist_ok=True)
            if not copy.exists() or copy.read_bytes() != path.read_bytes():
                shutil.copyfile(path, copy)


def go_program(out):
    version_of(["go", "version"], r"go(\d+\.\d+(?:\.\d+)?)", (1, 26, 6), "Go >= 1.26.6")
    program = out / "go-libp2p"
    build("go-libp2p", ["go", "build", "-mod=readonly", "-o", str(program), "."],
          HERE / "rivals" / "go", out / "go-libp2p.log", {"GOTOOLCHAIN": "local"})
    return [str(program)]


def rust_program(out):
    version_of(["rustc", "--version"], r"rustc (\d+\.\d+\.\d+)", (1, 88), "rustc >= 1.88")
    if not shutil.which("cargo"):
        raise Unavailable("needs cargo")
    directory = out / "rust"
    copy_sources("rust", directory)
    build("rust-libp2p", ["cargo", "build", "--release", "--target-dir", "target"], directory,
          out / "rust-libp2p.log")
    return [str(directory / "target" / "release" / "bench-rust-libp2p")]


def js_program(out):
    machine = {"x86_64": "x64", "aarch64": "arm64"}.get(platform.machine())
    if not machine:
        raise Unavailable(f"needs Node 22, which its package has not for {platform.machine()}")
    if not shutil.which("npm"):
        raise Unavailable("needs npm")
    directory = out / "js"
    copy_sources("js", directory)
    node = directory / "node_modules" / f"node-linux-{machine}" / "bin" / "node"
    lock, installed = directory / "package-lock.json", directory / "installed.json"
    if not (node.exists() and installed.exists()
            and installed.read_bytes() == lock.read_bytes()):
        build("js-libp2p", ["npm", "ci", "--ignore-scripts"], directory, out / "js-libp2p.log")
        shutil.copyfile(lock, installed)
    return [str(node), "--expose-gc", str(directory / "main.js")]


def rival_version(name):
    path, pattern = {
        "go-libp2p": ("go/go.mod", r"go-libp2p v([\d.]+)"),
        "rust-libp2p": ("rust/Cargo.toml", r'libp2p = \{ version = "=([\d.]+)"'),
        "js-libp2p": ("js/package.json", r'"libp2p": "([\d.]+)"'),
    }[name]
    return re.search(pattern, (HERE / "rivals" / path).read_text()).group(1)


RIVALS = {"rust-libp2p": rust_program, "go-libp2p": go_program, "js-libp2p": js_program}
WARMUP = {"js-libp2p": 2.0}
WARMUP_OTHERS = 0.4


# --- processes ------------------------------------------------------------------------------------


class Process:
    """A child that speaks JSON lines. It ends by itself when its standard input is closed."""

    alive = []

    def __init__(self, command):
        self.command = command
        self.child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                      bufsize=0)
        self.buffer = b""
        Process.alive.append(self)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()

    def read(self, timeout=RUN_TIMEOUT):
        deadline = time.monotonic() + timeout
        while b"\n" not in self.buffer:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.child.stdout], [], [], left)[0]:
                raise BenchError(f"no answer within {timeout} s: {' '.join(self.command)}")
            chunk = os.read(self.child.stdout.fileno(), 65536)
            if not chunk:
                raise BenchError(f"ended, exit {self.child.wait()}: {' '.join(self.command)}")
            self.buffer += chunk
        line, self.buffer = self.buffer.split(b"\n", 1)
        return json.loads(line)

    def ask(self, command, timeout=START_TIMEOUT):
        try:
            self.child.stdin.write(command.encode() + b"\n")
        except BrokenPipeError:
            raise BenchError(f"ended: {' '.join(self.command)}") from None
        return self.read(timeout)

    def resident(self):
        """Bytes; smaps_rollup is exact where the kernel's other counters lag."""
        text = pathlib.Path(f"/proc/{self.child.pid}/smaps_rollup").read_text()
        return int(re.search(r"^Rss:\s+(\d+) kB", text, re.M).group(1)) * 1024

    def end(self):
        if self not in Process.alive:
            return
        Process.alive.remove(self)
        self.child.stdin.close()
        try:
            self.child.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
        self.child.stdout.close()


def listening(program, *options):
    process = Process([*program.listener, "listen", *options])
    return process, process.read(START_TIMEOUT)["addr"]


# --- figures --------------------------------------------------------------------------------------


class Figures:
    """Samples by (bench, implementation, size), in the order they came."""

    def __init__(self):
        self.samples, self.units = {}, {}

    def add(self, bench, impl, size, value, unit):
        self.samples.setdefault((bench, impl, size), []).append(value)
        self.units[bench] = unit

    def median(self, bench, impl, size):
        values = self.samples.get((bench, impl, size))
        return statistics.median(values) if values else None

    def ratio(self, bench, impl, other, size):
        """Median of the ratios of each round, or None."""
        mine, theirs = (self.samples.get((bench, who, size)) for who in (impl, other))
        if not mine or not theirs:
            return None
        return statistics.median(a / b for a, b in zip(mine, theirs))

    def lines(self):
        for (bench, impl, size), values in self.samples.items():
            median = statistics.median(values)
            yield {"bench": bench, "impl": impl, "size": size, "value": round(median, 6),
                   "unit": self.units[bench], "min": round(min(values), 6),
                   "median": round(median, 6), "max": round(max(values), 6),
                   "repeats": len(values)}


def rotated(items, by):
    items = list(items)
    return items[by % len(items):] + items[:by % len(items)]


def measure_dial(impl, program, key, parallel, seconds, figures):
    listener, addr = listening(program, "--key", key)
    warmup = WARMUP.get(impl, WARMUP_OTHERS)
    with listener, Process([*program.dialler, "dial", "--addr", addr, "--key", key,
                            "--parallel", str(parallel), "--seconds", str(seconds),
                            "--warmup", str(warmup)]) as dialler:
        dialler.read()
        before = listener.ask("usage")
        result = dialler.read()
        after = listener.ask("usage")
    accepted = after["accepted"] - before["accepted"]
    if result["count"] < 1 or abs(accepted - result["count"]) > 2 * parallel + 2:
        raise BenchError(f"{impl}: {result['count']} dials, but {accepted} were accepted")
    figures.add(f"dials_{key}", impl, parallel, result["count"] / result["seconds"], "1/s")
    figures.add(f"dialler_cpu_{key}", impl, parallel,
                result["cpu_s"] * 1e3 / result["count"], "ms")
    figures.add(f"listener_cpu_{key}", impl, parallel,
                (after["cpu_s"] - before["cpu_s"]) * 1e3 / accepted, "ms")


def measure_ping(impl, program, mode, seconds, figures):
    options = ["--key", "ed25519"] if impl != RAW else []
    listener, addr = listening(program, *options, *(["--ping"] if impl != RAW else []))
    warmup = min(seconds / 2, WARMUP_OTHERS) if impl not in WARMUP else WARMUP[impl]
    with listener, Process([*program.dialler, "ping", "--addr", addr, *options, "--mode", mode,
                            "--seconds", str(seconds), "--warmup", str(warmup)]) as pinger:
        result = pinger.read()
    for percentile in ("p50", "p99"):
        figures.add(f"ping_{mode}_{percentile}", impl, PING_BYTES, result[f"{percentile}_us"], "us")
    return result["p50_us"]


def measure_beside_raw(program, raw, mode, figures):
    """Ours and the raw echo in one breath: what the machine itself costs jumps with its load."""
    theirs = measure_ping(RAW, raw, mode, RAW_SECONDS, figures)
    ours = measure_ping(OURS, program, mode, RAW_SECONDS, figures)
    figures.add(f"ping_{mode}_p50_per_raw_echo", OURS, PING_BYTES, ours / theirs, "ratio")


def settled(process):
    """Resident bytes once they no longer change (at most ten tries)."""
    last = None
    for _ in range(10):
        process.ask("settle")
        time.sleep(0.3)
        now = process.resident()
        if last is not None and abs(now - last) < 64 * 1024:
            break
        last = now
    return now


def measure_idle(impl, program, holder, size, figures):
    listener, addr = listening(program, "--key", "ed25519")
    with listener:
        before = settled(listener)
        with Process([*holder.dialler, "idle", "--addr", addr, "--key", "ed25519",
                      "--count", str(size)]) as dialler:
            dialler.read()
            deadline = time.monotonic() + START_TIMEOUT
            state = listener.ask("usage")
            while state["open"] < size or state["identified"] < size:
                if time.monotonic() > deadline:
                    raise BenchError(f"{impl}: of {size} connections {state['open']} are open, "
                                     f"{state['identified']} identified")
                time.sleep(0.1)
                state = listener.ask("usage")
            after = settled(listener)
            if listener.ask("usage")["open"] != size:
                raise BenchError(f"{impl}: connections were lost while idle")
    figures.add("idle_rss", impl, size, (after - before) / size / 1024, "KiB")


# --- the run --------------------------------------------------------------------------------------


def rounds(bench, repeats):
    """The numbers of the rounds; fewer than asked where the next would not end in time."""
    begin = time.monotonic()
    for repeat in range(repeats):
        if repeat and (time.monotonic() - begin) * (repeat + 1) / repeat > BUDGET[bench]:
            progress("")
            print(f"{bench}: {repeat} of {repeats} rounds, for want of time")
            return
        yield repeat


def run_dials(programs, args, figures):
    for repeat in rounds("dial", args.repeats):
        for key in KEYS:
            for parallel in PARALLEL:
                for impl in rotated(programs, repeat):
                    progress(f"dial {repeat + 1}/{args.repeats}: {key}, {parallel} at a time, {impl}")
                    measure_dial(impl, programs[impl], key, parallel, args.seconds, figures)


def run_pings(programs, raw, args, figures):
    for repeat in rounds("ping", args.repeats):
        for mode in ("open", "fresh"):
            for impl in rotated(programs, repeat):
                progress(f"ping {repeat + 1}/{args.repeats}: {mode} stream, {impl}")
                if impl != OURS:
                    measure_ping(impl, programs[impl], mode, args.seconds / 2, figures)
                    continue
                for _ in range(RAW_PAIRS):
                    measure_beside_raw(programs[impl], raw, mode, figures)


def run_idle(programs, args, figures):
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    sizes = [size for size in IDLE_SIZES
             if most == resource.RLIM_INFINITY or most >= size + SPARE_DESCRIPTORS]
    for size in IDLE_SIZES:
        if size not in sizes:
            print(f"{size} idle connections not measured: the hard limit on descriptors is {most}")
    repeats = min(args.repeats, 3)
    for repeat in rounds("idle", repeats):
        for size in sizes:
            for impl in rotated(programs, repeat):
                progress(f"idle {repeat + 1}/{repeats}: {size} connections, {impl}")
                measure_idle(impl, programs[impl], programs[OURS], size, figures)


def progress(text):
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)


def rows():
    """(title, [(label, bench, size, decimals)]) of the table."""
    dials = [("dials a second", "dials", 0), ("  CPU a dial, dialler, ms", "dialler_cpu", 2),
             ("  CPU a dial, listener, ms", "listener_cpu", 2)]
    for key in KEYS:
        for parallel in PARALLEL:
            yield (f"{key}, {parallel} at a time",
                   [(label, f"{bench}_{key}", parallel, digits) for label, bench, digits in dials])
    for mode in ("open", "fresh"):
        yield (f"ping, {mode} stream" + (" for each" if mode == "fresh" else ""),
               [(f"{percentile}, us", f"ping_{mode}_{percentile}", PING_BYTES, 1)
                for percentile in ("p50", "p99")])
    yield ("resident memory of an idle connection",
           [(f"{size} connections, KiB", "idle_rss", size, 1) for size in IDLE_SIZES])


def cell(values, digits):
    """The median, with the smallest and the largest."""
    if not values:
        return "–"
    digits = digits if max(values) < 100 else 0
    low, middle, high = min(values), statistics.median(values), max(values)
    return f"{middle:.{digits}f} [{low:.{digits}f}–{high:.{digits}f}]"


def print_table(figures, columns, groups, width=22):
    """`groups` as rows() gives them."""
    label_width = 30
    print(" " * label_width + "".join(f"{name:>{width}}" for name in columns))
    for title, lines in groups:
        if not any(figures.samples.get((bench, name, size))
                   for _, bench, size, _ in lines for name in columns):
            continue
        print(title)
        for label, bench, size, digits in lines:
            cells = (cell(figures.samples.get((bench, name, size)), digits) for name in columns)
            print(f"  {label:<{label_width - 2}}" + "".join(f"{text:>{width}}" for text in cells))


def goals(figures):
    """(bench, what, value or None, relation, bound)."""
    for rival, bound in (("rust-libp2p", 1.5), ("go-libp2p", 2.5), ("js-libp2p", 10)):
        for key in KEYS:
            yield ("dial", f"dials a second at 32, {key}: times {rival}",
                   figures.ratio(f"dials_{key}", OURS, rival, 32), ">=", bound)
    yield ("ping", "ping p50 on an open stream: times the raw echo",
           figures.median("ping_open_p50_per_raw_echo", OURS, PING_BYTES), "<=", 1.5)
    for size in IDLE_SIZES:
        yield ("idle", f"KiB an idle connection at {size}",
               figures.median("idle_rss", OURS, size), "<=", 8)


def print_goals(found):
    """`found`: (what, value or None, relation, bound)."""
    print("\nGoals")
    for what, value, relation, bound in found:
        if value is None:
            verdict = "not measured"
        else:
            met = value >= bound if relation == ">=" else value <= bound
            verdict = f"{value:.2f}, {'reached' if met else 'MISSED'}"
        print(f"  {what} {relation} {bound}: {verdict}")


def machine():
    model = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    return (f"{os.cpu_count()} × {model.group(1) if model else platform.machine()}, "
            f"Linux {platform.release()}, load {os.getloadavg()[0]:.1f}")


def available(args):
    """The programs that can be measured, ours first, and why the others cannot."""
    net = [str(args.programs / "bench_net")]
    programs = {OURS: Program(net, net), NODE: Program([str(args.programs / "bench_node")], net)}
    missing = {}
    for name, prepare in RIVALS.items():
        if name not in args.impl:
            continue
        try:
            command = prepare(args.out)
            programs[name] = Program(command, command)
        except Unavailable as reason:
            missing[name] = str(reason)
    return programs, missing


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--programs", type=pathlib.Path, required=True,
                        help="the directory of our programs")
    parser.add_argument("--out", type=pathlib.Path, required=True,
                        help="where rivals are built and figures are written")
    parser.add_argument("--only", action="append", choices=BENCHES, help="repeatable")
    parser.add_argument("--impl", action="append", choices=list(RIVALS), help="rivals; repeatable")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.2,
                        help="of one dial measurement; a ping measurement takes half")
    args = parser.parse_args()
    args.only, args.impl = args.only or list(BENCHES), args.impl or list(RIVALS)
    if args.repeats < 1 or args.seconds <= 0:
        parser.error("--repeats and --seconds take numbers above 0")
    args.programs, args.out = args.programs.resolve(), args.out.resolve()
    return args


def raise_descriptor_limit():
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def run_proto(args):
    """What bench_proto says, as a table and as proto.jsonl."""
    done = subprocess.run([args.programs / "bench_proto"], capture_output=True, text=True,
                          timeout=RUN_TIMEOUT)
    if done.returncode != 0:
        raise BenchError(f"bench_proto: exit {done.returncode}: {done.stderr.strip()}")
    (args.out / "proto.jsonl").write_text(done.stdout)
    print("\nCPU time of the wire protocols, us")
    for line in map(json.loads, done.stdout.splitlines()):
        name = line["bench"] + (f", {line['size']} bytes" if line["size"] else "")
        print(f"  {name:<36}{cell([line['min'], line['median'], line['max']], 2):>28}")


def run_manager(args):
    """What bench_manager says, as a table beside the targets and as manager.jsonl."""
    done = subprocess.run([args.programs / "bench_manager"], capture_output=True, text=True,
                          timeout=RUN_TIMEOUT)
    if done.returncode != 0:
        raise BenchError(f"bench_manager: exit {done.returncode}: {done.stderr.strip()}")
    (args.out / "manager.jsonl").write_text(done.stdout)
    print("\nCPU time of one event of the manager, ns (an advance with nothing due <= 100, an event <= 2000)")
    for line in map(json.loads, done.stdout.splitlines()):
        name = f"{line['bench']}, {line['size']} peers"
        print(f"  {name:<46}{cell([line['min'], line['median'], line['max']], 0):>28}")


def run_network(args):
    programs, missing = available(args)
    for name in RIVALS:
        if name in programs:
            print(f"{name} {rival_version(name)}")
        elif name in missing:
            print(f"{name} not measured: {missing[name]}")
    print(flush=True)

    figures, begin = Figures(), time.monotonic()
    if "dial" in args.only:
        run_dials(programs, args, figures)
    if "ping" in args.only:
        raw = [str(args.programs / "raw_echo")]
        run_pings(programs, Program(raw, raw), args, figures)
    if "idle" in args.only:
        run_idle(programs, args, figures)
    progress("")

    print_table(figures, [*programs, *([RAW] if "ping" in args.only else [])], rows())
    print_goals(goal for bench, *goal in goals(figures) if bench in args.only)
    (args.out / "net.jsonl").write_text(
        "".join(json.dumps(line) + "\n" for line in figures.lines()))
    print(f"measured in {time.monotonic() - begin:.0f} s")


def run(args):
    args.out.mkdir(parents=True, exist_ok=True)
    print(machine())
    if set(args.only) - {"proto", "manager"}:
        run_network(args)
    if "proto" in args.only:
        run_proto(args)
    if "manager" in args.only:
        run_manager(args)
    print(f"\nThe figures are in {args.out}/*.jsonl")


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    args = arguments()
    raise_descriptor_limit()
    try:
        run(args)
    except BenchError as error:
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

"""The real peers: processes that speak the control protocol of README.md over their pipes."""

import fcntl
import itertools
import json
import os
import platform
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time
import unittest
from pathlib import Path

import ports

HERE = Path(__file__).resolve().parent
JS = HERE / "js"
GO = HERE / "go"
GO_NEEDED = (1, 26, 6)

# How long a peer may take for one step on a busy machine before the test calls it dead.
PATIENCE = 30.0


class PeerError(Exception):
    """A peer refused a command, or did not do what was waited for."""


def build_dir():
    """Where built peers go: the build directory, or a folder of the user's temporary directory."""
    return Path(os.environ.get("WAKUPEERS_BUILD_DIR") or Path(tempfile.gettempdir()) / "wakupeers-build")


def die_with_parent(command):
    """The command, ended by the kernel when this process ends, however that happens."""
    return ["setpriv", "--pdeathsig", "KILL", "--", *map(str, command)]


def node_program():
    """The pinned Node runtime; the machine's own Node is never used."""
    machine = {"x86_64": "x64", "aarch64": "arm64"}.get(platform.machine())
    program = JS / "node" / "node_modules" / f"node-linux-{machine}" / "bin" / "node"
    if not program.exists():
        raise FileNotFoundError(f"{program} is missing: run tests/interop/install.sh (make deps does)")
    return program


def go_environment():
    """Go as the tests use it: the toolchain of the machine, modules as installed, no network."""
    return {**os.environ, "GOTOOLCHAIN": "local", "GOFLAGS": "-mod=readonly -buildvcs=false",
            "GOPROXY": "off", "GOWORK": "off"}


def go_program():
    """The path of a Go that is new enough, or SkipTest."""
    go = shutil.which("go")
    needed = ".".join(map(str, GO_NEEDED))
    if go is None:
        raise unittest.SkipTest(f"no go command on this machine; this needs Go >= {needed}")
    said = subprocess.run([go, "env", "GOVERSION"], env=go_environment(), check=True,
                          capture_output=True, text=True).stdout.strip()
    found = re.match(r"go(\d+)\.(\d+)(?:\.(\d+))?", said)
    if not found or tuple(int(part or 0) for part in found.groups()) < GO_NEEDED:
        raise unittest.SkipTest(f"this machine has {said}; this needs Go >= {needed}")
    return go


def go_peer_program(kind, on_ours=False):
    """Builds tests/interop/go/<kind> into the build directory, unless it is up to date; with
    `on_ours` the one whose hosts may have a peerstore of ours, which is built beside our library."""
    go = go_program()
    out = build_dir() / "interop"
    out.mkdir(parents=True, exist_ok=True)
    program = out / f"go-{kind}-peer{'-on-ours' if on_ours else ''}"
    with open(out / "go.lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        tags = ["gowaku_no_rln"] * (kind == "waku") + ["wakupeers"] * on_ours
        modules = ["-modfile=wakupeers.mod"] if on_ours else []
        done = subprocess.run([go, "build", *modules, "-tags", ",".join(tags), "-o", program, "."], cwd=GO / kind,
                              env=go_environment(), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise PeerError(f"go build of tests/interop/go/{kind} failed "
                        f"(install.sh downloads its modules):\n{done.stderr}")
    return program


class Host:
    """One libp2p host of a peer process."""

    def __init__(self, peer, described):
        self.peer = peer
        self.index = described["host"]
        self.config = peer.config["hosts"][self.index]
        self.id = described["id"]
        self.address = described["addrs"][0]
        self.key = described["key"]
        self.port = int(re.search(r"/tcp/(\d+)", self.address).group(1))

    def wait(self, event, **how):
        return self.peer.wait(event, host=self.index, **how)

    def events(self, event, **match):
        return self.peer.events(event, host=self.index, **match)

    def call(self, cmd, **fields):
        return self.peer.call(cmd, host=self.index, **fields)


class Peer:
    """A running peer process."""

    def __init__(self, argv, config, log):
        self.config = dict(config)
        self.log = log
        self.records = []
        self._changed = threading.Condition()
        self._ended = False
        self._ids = itertools.count(1)
        self._process = subprocess.Popen(
            die_with_parent([*argv, json.dumps(self.config)]),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        try:
            listening = self.wait("listening", timeout=2 * PATIENCE)
        except PeerError:
            self.kill()
            raise
        self.kind = listening["kind"]
        self.hosts = [Host(self, described) for described in listening["hosts"]]

    # What it recorded ---------------------------------------------------------------------------

    def _read(self):
        for line in self._process.stdout:
            try:
                record = json.loads(line)
            except ValueError:
                continue  # A library's own chatter on standard output.
            with self._changed:
                self.records.append(record)
                self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    @property
    def id(self):
        return self.hosts[0].id

    @property
    def address(self):
        return self.hosts[0].address

    def mark(self):
        """A place in the record, for the `since` of wait and events."""
        with self._changed:
            return len(self.records)

    def events(self, event, since=0, **match):
        """All events of a name recorded so far whose members equal `match`."""
        with self._changed:
            return self._find(event, since, match)

    def _find(self, event, since, match):
        return [record for record in self.records[since:] if record["event"] == event
                and all(record.get(name) == value for name, value in match.items())]

    def wait(self, event, timeout=PATIENCE, count=1, since=0, **match):
        """Waits until `count` such events are recorded; returns the count-th."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._ended or len(self._find(event, since, match)) >= count, timeout)
            found = self._find(event, since, match)
            if len(found) >= count:
                return found[count - 1]
            state = "ended" if self._ended else f"recorded in {timeout} s"
            last = "\n  ".join(json.dumps(record) for record in self.records[-12:])
            raise PeerError(f"{self.config.get('label', 'peer')}: wanted {count} × {event} {match}, "
                            f"{state} only {len(found)}; last records:\n  {last}")

    # What it is told ----------------------------------------------------------------------------

    def call(self, cmd, timeout=PATIENCE, **fields):
        """Runs a command; returns its reply, or raises PeerError with the peer's own words."""
        number = next(self._ids)
        line = json.dumps({"cmd": cmd, "id": number, **fields}) + "\n"
        self._process.stdin.write(line.encode())
        self._process.stdin.flush()
        reply = self.wait("reply", timeout=timeout, id=number)
        if not reply["ok"]:
            raise PeerError(f"{cmd}: {reply['error']}")
        return reply

    # How it ends --------------------------------------------------------------------------------

    @property
    def pid(self):
        return self._process.pid

    def freeze(self):
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self):
        os.kill(self.pid, signal.SIGCONT)

    def kill(self):
        """SIGKILL; returns the time (as the events count it) just before it. Twice is harmless."""
        at = time.monotonic() * 1000
        if self._process.poll() is None:
            os.kill(self.pid, signal.SIGKILL)
        self._process.wait()
        self._reader.join()
        self._process.stdin.close()
        self._process.stdout.close()
        return at

    # The end of a test is no time to say goodbye.
    end = kill

    def stop(self):
        """Lets it close its connections as its library does, and end."""
        self.call("stop")
        self._process.wait(timeout=PATIENCE)

    def again(self):
        """The hosts that start this peer again: same keys, same ports."""
        return [{**config, "key": host.key, "listen": f"/ip4/127.0.0.1/tcp/{host.port}"}
                for config, host in zip(self.config["hosts"], self.hosts)]


def start(kind, log, hosts=({},), **config):
    """Starts a peer process: js-libp2p, js-waku, go-libp2p or go-waku. README.md has the members
    of `hosts` (one configuration for each libp2p host in the process) and of `config`."""
    language, library = kind.split("-")
    config = {"label": kind, **config,
              "hosts": [{"listen": f"/ip4/127.0.0.1/tcp/{ports.reserve()}", **each} for each in hosts]}
    if language == "js":
        argv = [node_program(), JS / library / "peer.mjs"]
    else:
        argv = [go_peer_program(library, any("peerstore" in host for host in hosts))]
    return Peer(argv, config, log)

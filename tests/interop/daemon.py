"""The program under test: `wakupeers run` as a process, and its REST interface."""

import http.client
import json
import os
import signal
import subprocess
import time
import urllib.parse
from pathlib import Path

import ports
from peers import PATIENCE, die_with_parent

# REST has no event to wait on: it is asked this often.
POLL = 0.02


class DaemonError(Exception):
    """The daemon did not do what was waited for."""


def program():
    """The program under test, from the environment."""
    path = os.environ.get("WAKUPEERS_PROGRAM")
    if not path:
        raise DaemonError("WAKUPEERS_PROGRAM is not set: it names the wakupeers program to test")
    return path


def options_of(options):
    """{"idle_timeout": "2s", "staticnode": [a, b]} as command line options."""
    line = []
    for name, value in options.items():
        for each in value if isinstance(value, (list, tuple)) else [value]:
            text = str(each).lower() if isinstance(each, bool) else str(each)
            line.append(f"--{name.replace('_', '-')}={text}")
    return line


class Daemon:
    """A daemon on its own data directory; start, stop and start again."""

    def __init__(self, data_dir, log, **options):
        self.data_dir = Path(data_dir)
        self.options = {"listen_address": "127.0.0.1", "tcp_port": ports.reserve(), "rest_port": 0,
                        "metrics_server_port": 0, "cluster_id": 1, **options}
        self.id = self.address = None
        self._log = log
        self._process = None
        self._killed = False
        self._rest = None

    # Its life ------------------------------------------------------------------------------------

    def start(self):
        """Starts it and waits until it answers; returns the time just before the start."""
        place = self.data_dir / "rest-address"
        place.unlink(missing_ok=True)
        at = time.monotonic() * 1000
        self._killed = False
        self._process = subprocess.Popen(
            die_with_parent([program(), "run", f"--data-dir={self.data_dir}", *options_of(self.options)]),
            stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log)
        self.until(lambda: place.exists() and place.read_text(encoding="ascii").strip(),
                    "wrote no rest-address into its data directory")
        text = place.read_text(encoding="ascii").strip()
        self._rest = urllib.parse.urlsplit(text if "//" in text else f"//{text}").netloc
        addresses = self.until(lambda: self.ask("GET", "/info")["listenAddresses"], "listens nowhere")
        self.address = next(each for each in addresses if each.startswith("/ip4/127."))
        self.id = self.address.rsplit("/", 1)[1]
        # Another start is to be found at the same place.
        self.options["tcp_port"] = self.address.split("/")[4]
        return at

    def until(self, condition, complaint, timeout=PATIENCE):
        deadline = time.monotonic() + timeout
        while True:
            if self._process.poll() is not None:
                raise DaemonError(f"the daemon ended with exit code {self._process.returncode}")
            value = condition()
            if value:
                return value
            if time.monotonic() > deadline:
                raise DaemonError(f"the daemon {complaint} in {timeout} s")
            time.sleep(POLL)

    @property
    def pid(self):
        return self._process.pid

    def terminate(self):
        """SIGTERM, and waits for the end; returns the time just after."""
        self._process.send_signal(signal.SIGTERM)
        code = self._process.wait(timeout=PATIENCE)
        if code != 0:
            raise DaemonError(f"the daemon ended with exit code {code} after SIGTERM")
        return time.monotonic() * 1000

    def end(self):
        """At the end of a test: a daemon that still runs ends cleanly, also under sanitizers."""
        if self._process is None or self._killed:
            return
        if self._process.poll() is None:
            self.terminate()
        elif self._process.returncode != 0:
            raise DaemonError(f"the daemon ended by itself with exit code {self._process.returncode}")

    def kill(self):
        """SIGKILL, and waits for the end; returns the time just before. Twice is harmless."""
        at = time.monotonic() * 1000
        self._killed = True
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        return at

    # What it says --------------------------------------------------------------------------------

    def request(self, method, path, body=None):
        """(status, text) of one REST call."""
        link = http.client.HTTPConnection(self._rest, timeout=PATIENCE)
        try:
            headers = {} if body is None else {"Content-Type": "application/json"}
            link.request(method, path, None if body is None else json.dumps(body), headers)
            answer = link.getresponse()
            return answer.status, answer.read().decode()
        finally:
            link.close()

    def ask(self, method, path, body=None):
        """The JSON of a REST call that must succeed (or its text, where it is not JSON)."""
        status, text = self.request(method, path, body)
        if status != 200:
            raise DaemonError(f"{method} {path}: {status} {text}")
        try:
            return json.loads(text)
        except ValueError:
            return text

    def peers(self):
        return {peer["peerId"]: peer for peer in self.ask("GET", "/admin/v1/peers")}

    def peer(self, peer_id):
        """The WakuPeer of an id, or None."""
        status, text = self.request("GET", f"/admin/v1/peer/{peer_id}")
        if status == 404:
            return None
        if status != 200:
            raise DaemonError(f"GET /admin/v1/peer/{peer_id}: {status} {text}")
        return json.loads(text)

    def wait_peer(self, peer_id, condition, what, timeout=PATIENCE):
        """Waits until condition(WakuPeer) holds; returns that WakuPeer."""
        last = None

        def held():
            nonlocal last
            last = self.peer(peer_id)
            return last if last is not None and condition(last) else None

        try:
            return self.until(held, f"does not show the peer {what}", timeout)
        except DaemonError as error:
            raise DaemonError(f"{error}; it shows {json.dumps(last)}") from None

    def wait_state(self, peer_id, state, timeout=PATIENCE):
        return self.wait_peer(peer_id, lambda peer: peer["connected"] == state, state, timeout)

    def wait_connected(self, peer_id, timeout=PATIENCE):
        """Connected, and identified: its protocols are known."""
        return self.wait_peer(peer_id, lambda peer: peer["connected"] == "Connected" and peer["protocols"],
                              "Connected with protocols", timeout)

    def connect(self, address):
        """What `peers add` does: keep the address and connect to it now."""
        return self.ask("POST", "/admin/v1/peers", [address])


def run_cli(*arguments, timeout=PATIENCE):
    """(exit code, standard output, standard error) of a short command of the program."""
    done = subprocess.run([program(), *map(str, arguments)], capture_output=True, text=True,
                          timeout=timeout, check=False)
    return done.returncode, done.stdout, done.stderr

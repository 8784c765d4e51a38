"""What the tests of the program's outside share: a test class with a folder of its own, daemons that
end with their test, and raw HTTP. The daemon's driver is that of the interoperability tests."""

import http.client
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.append(str(ROOT / "tests" / "interop"))

import daemon as driver  # noqa: E402: its folder was just made known
from daemon import POLL, DaemonError, program  # noqa: E402,F401
from harness import has_failed  # noqa: E402
from peers import PATIENCE  # noqa: E402

LOOPBACK = ("--listen-address=127.0.0.1", "--tcp-port=0", "--rest-port=0", "--metrics-server-port=0")
# A peer id that nobody has, and its address: nobody listens on port 1.
NOBODY = "16Uiu2HAmHnSFhnutZ6xBmbFMC5BJ4EtSrz2mNzKotSwk37CzmEyY"
NOBODYS_ADDRESS = f"/ip4/127.0.0.1/tcp/1/p2p/{NOBODY}"


def clean_environment(**more):
    """The environment without what the program would take options from."""
    kept = {name: value for name, value in os.environ.items()
            if not name.startswith("WAKUPEERS_") and name != "XDG_STATE_HOME"}
    return {**kept, **more}


def words_of(prefix, header="types.h"):
    """The words of a closed set: its enumerators, as their names are."""
    text = (ROOT / "include" / "wakupeers" / header).read_text(encoding="utf-8")
    return {each.lower() for each in re.findall(rf"^  {prefix}([A-Z0-9_]+)(?: = \d+)?,?(?: |$)", text, re.M)}


def wait_for(condition, what, timeout=PATIENCE):
    """Asks until condition() is true; returns what it gave."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not in {timeout} s: {what}")
        time.sleep(POLL)


class Done:
    """How a command ended."""

    def __init__(self, process):
        self.code = process.returncode
        self.out = process.stdout
        self.err = process.stderr

    def __str__(self):
        return f"exit code {self.code}\n--- stdout\n{self.out}--- stderr\n{self.err}"


class Daemon(driver.Daemon):
    """A daemon whose log can be read, and its HTTP taken apart."""

    def __init__(self, folder, number, **options):
        self.log_file = Path(folder) / f"daemon-{number}.log"
        # Peers of fixtures have addresses of the world: none is dialled for being known.
        super().__init__(Path(folder) / f"data-{number}", open(self.log_file, "wb"),
                         **{"relay_outbound": 0, **options})

    @property
    def netloc(self):
        return self._rest

    @property
    def port(self):
        return int(self._rest.rsplit(":", 1)[1])

    @property
    def process(self):
        return self._process

    def log(self):
        return self.log_file.read_text(encoding="utf-8", errors="replace")

    def metrics_netloc(self):
        return re.findall(r"metrics at http://([^/]+)/metrics", self.log())[-1]

    def metrics(self):
        """{name{labels}: value} of all metrics."""
        status, _, body = http_call(self.metrics_netloc(), "GET", "/metrics")
        if status != 200:
            raise DaemonError(f"/metrics: {status} {body}")
        samples = [line for line in body.splitlines() if line and not line.startswith("#")]
        return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in samples)}

    def close(self):
        self.kill()
        self._log.close()


def many_ids(count):
    """Ed25519-like ids: an identity multihash of a key protobuf; base58btc."""
    alphabet = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"

    def base58(data):
        number = int.from_bytes(data, "big")
        text = ""
        while number:
            number, digit = divmod(number, 58)
            text = alphabet[digit] + text
        return "1" * (len(data) - len(data.lstrip(b"\0"))) + text

    return [base58(b"\x00\x24\x08\x01\x12\x20" + number.to_bytes(32, "big")) for number in range(1, count + 1)]


def http_call(netloc, method, path, body=None, headers=None):
    """(status, headers, text) of one request with exactly these headers (and Host)."""
    link = http.client.HTTPConnection(netloc, timeout=PATIENCE)
    try:
        link.request(method, path, body, headers or {})
        answer = link.getresponse()
        return answer.status, answer.headers, answer.read().decode()
    finally:
        link.close()


def raw_http(netloc, request):
    """All that comes back for the bytes of one or more requests, until the server closes."""
    host, port = netloc.rsplit(":", 1)
    with socket.create_connection((host, int(port)), timeout=PATIENCE) as link:
        link.sendall(request)
        pieces = []
        try:
            while piece := link.recv(65536):
                pieces.append(piece)
        except ConnectionResetError:
            pass
        return b"".join(pieces)


class ApiTest(unittest.TestCase):
    """A test with a folder, and what it started in it."""

    maxDiff = None

    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="wakupeers-api-"))
        self.daemons = []
        self.addCleanup(self._clean_up)

    def _clean_up(self):
        for each in reversed(self.daemons):
            each.close()
        if has_failed(self):
            for each in self.daemons:
                print(f"--- {each.log_file.name}\n{each.log()[-6000:]}", file=sys.stderr)
        for each in self.daemons:
            self.check_sanitizers(each)
        shutil.rmtree(self.folder)

    def check_sanitizers(self, each):
        for complaint in ("Sanitizer", "runtime error:"):
            self.assertNotIn(complaint, each.log())

    def daemon(self, start=True, **options):
        """A daemon on a data directory of its own."""
        made = Daemon(self.folder, len(self.daemons), **options)
        self.daemons.append(made)
        if start:
            made.start()
        return made

    def run_program(self, *arguments, env=None, stdin=None, **more):
        """Runs a command to its end."""
        done = subprocess.run([program(), *map(str, arguments)], capture_output=True, text=True,
                              timeout=PATIENCE, check=False, cwd=self.folder, input=stdin,
                              env={**clean_environment(HOME=str(self.folder)), **(env or {})}, **more)
        self.assertNotIn("Sanitizer", done.stderr)
        return Done(done)

    def expect(self, code, *arguments, **more):
        """The same, of a command that ends with this exit code."""
        done = self.run_program(*arguments, **more)
        self.assertEqual(done.code, code, f"{arguments}: {done}")
        return done


def main():
    unittest.main(module="__main__", verbosity=2)

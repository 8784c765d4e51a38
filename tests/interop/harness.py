"""What the interoperability tests share: peers and daemons that end with their test, logs that are
shown when it fails, and exit code 77 when every case of a file was skipped."""

import shutil
import sys
import tempfile
import unittest
from pathlib import Path

import daemon
import peers

SKIPPED = 77
LOG_TAIL = 6000

RELAY = "/vac/waku/relay/2.0.0"
TOPICS = ["/waku/2/rs/1/0"]
METADATA = {"cluster": 1, "shards": [0]}


def relay_host(**more):
    """A peer of the public cluster that relays: what most Waku nodes are."""
    return {"relay": True, "topics": TOPICS, "metadata": METADATA, **more}


def has_failed(test):
    """Whether a test has failed so far; for its cleanups, which unittest tells nothing."""
    result = test._outcome.result
    return any(test in (each, getattr(each, "test_case", None)) for each, _ in result.failures + result.errors)


class Workshop:
    """Starts peers and daemons, and ends them all."""

    def __init__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="wakupeers-interop-"))
        self._running = []
        self._logs = []

    def _log(self, name):
        log = open(self.folder / f"{len(self._logs)}-{name}.log", "wb")
        self._logs.append(log)
        return log

    def peer(self, kind, hosts=({},), **config):
        peer = peers.start(kind, self._log(kind), hosts, **config)
        self._running.append(peer)
        return peer

    def daemon(self, **options):
        """A started daemon on a data directory of its own."""
        number = len(self._logs)
        made = daemon.Daemon(self.folder / f"data-{number}", self._log("daemon"), **options)
        self._running.append(made)
        made.start()
        return made

    def show_logs(self):
        for log in self._logs:
            text = Path(log.name).read_bytes()[-LOG_TAIL:].decode(errors="replace")
            if text:
                print(f"--- {Path(log.name).name}\n{text}", file=sys.stderr)

    def close(self):
        """Ends all, the last started first; raises what the first of them had to complain of."""
        complaints = []
        for each in reversed(self._running):
            try:
                each.end()
            except Exception as complaint:  # pylint: disable=broad-except  # Raised below.
                complaints.append(complaint)
                each.kill()
        if complaints:
            self.show_logs()
        for log in self._logs:
            log.close()
        shutil.rmtree(self.folder)
        if complaints:
            raise complaints[0]


class InteropTest(unittest.TestCase):
    """Peers that all tests of a class share are made by `setUpPeers`; the rest is made per test."""

    @classmethod
    def setUpPeers(cls, workshop):
        """Overridden by classes whose tests share peers."""

    @classmethod
    def setUpClass(cls):
        cls.shared = Workshop()
        cls.addClassCleanup(cls.shared.close)
        cls.setUpPeers(cls.shared)

    def setUp(self):
        self.workshop = Workshop()
        self.addCleanup(self.workshop.close)
        self.addCleanup(self._show_logs_of_failure)

    def _show_logs_of_failure(self):
        if has_failed(self):
            self.workshop.show_logs()
            self.shared.show_logs()

    def daemon(self, **options):
        return self.workshop.daemon(**options)

    def peer(self, kind, hosts=({},), **config):
        return self.workshop.peer(kind, hosts, **config)


def label(host):
    """Names a host in a message: its kind, key type and muxers."""
    config = host.config
    return " ".join([host.peer.kind, config.get("keyType", ""), *config.get("muxers", [])])


def main():
    """Runs the tests of the calling file; exits 77 when none ran because all were skipped."""
    run = unittest.main(module="__main__", exit=False, verbosity=2).result
    if not run.wasSuccessful():
        sys.exit(1)
    everything_skipped = run.skipped and len(run.skipped) >= run.testsRun
    sys.exit(SKIPPED if everything_skipped else 0)

"""Options that change a number of the policy: each is seen in what the daemon does, on the line, in the
environment and in the file."""

import json
import os
import signal
import socket
import time
import unittest.mock

import api
from api import ApiTest, wait_for


class Tuning(ApiTest):
    def told(self, made, *words):
        return json.loads(self.expect(0, *words, f"--data-dir={made.data_dir}", "--json").out)

    def met(self, **options):
        """Two daemons with a connection: ours with these options, and another."""
        made, other = self.daemon(**options), self.daemon()
        made.connect(other.address)
        made.wait_peer(other.id, lambda peer: peer["clusterId"] == 1, "fully known")
        return made, other

    def test_max_dials(self):
        """Peers that accept and then are silent: so many are dialled at once, and the others wait."""
        with socket.create_server(("127.0.0.1", 0), backlog=16) as silent:
            port = silent.getsockname()[1]
            static = [f"/ip4/127.0.0.1/tcp/{port}/p2p/{each}" for each in api.many_ids(3)]
            made = self.daemon(max_dials=2, dial_timeout="1h", staticnode=static)
            made.until(lambda: sorted(peer["heldBackBy"] for peer in made.peers().values())
                       == ["dialling", "dialling", "no_place"], "dials two of three")

    def held_back_by(self, score, **options):
        """What keeps us from dialling a peer that came to us and has this score, once it is gone."""
        made, other = self.daemon(**options), self.daemon()
        other.connect(made.address)
        made.wait_connected(other.id)
        made.ask("POST", f"/admin/v1/peer/{other.id}/score", {"score": score})
        other.kill()
        return made.wait_peer(other.id, lambda peer: peer["connected"] != "Connected", "lost")["heldBackBy"]

    def test_discouraged_at(self):
        file = self.folder / "options.ini"
        file.write_text("discouraged-at = -5\n")
        self.assertEqual(self.held_back_by(-5, config_file=file), "discouraged")
        self.assertNotEqual(self.held_back_by(-4, config_file=file), "discouraged")
        self.assertNotEqual(self.held_back_by(-1000, discouraged_at=0), "discouraged")

    def test_mismatch_delay(self):
        with unittest.mock.patch.dict(os.environ, {"WAKUPEERS_MISMATCH_DELAY": "90m"}):
            made = self.daemon()
        other = self.daemon(cluster_id=2)
        before = time.time() * 1000
        made.request("POST", "/admin/v1/peers", [other.address])
        made.wait_peer(other.id, lambda peer: peer["heldBackBy"] == "cluster_mismatch", "of another cluster")
        until = self.told(made, "explain", other.id)["heldBy"]["until"]
        self.assertGreaterEqual(until, before + 90 * 60000 - 1)
        self.assertLess(until, time.time() * 1000 + 90 * 60000 + 1)

    def lies_still(self, made, seconds):
        """The daemon is stopped, as by a sleep of its machine, for so long at least."""
        begun = time.monotonic()
        made.process.send_signal(signal.SIGSTOP)
        wait_for(lambda: time.monotonic() - begun > seconds, "the time")
        made.process.send_signal(signal.SIGCONT)

    def has_slept(self, made):
        return any(each["event"] == "slept" for each in self.told(made, "history"))

    def test_sleep_gap_and_probe_timeout(self):
        made, other = self.met(sleep_gap="100ms", ping_timeout="1h", probe_timeout="30m")
        self.assertNotEqual(self.told(made, "explain", other.id)["ping"]["timeoutMs"], 30 * 60000)
        other.process.send_signal(signal.SIGSTOP)
        try:
            self.lies_still(made, 0.3)
            wait_for(lambda: self.has_slept(made), "has slept")
            self.assertEqual(self.told(made, "explain", other.id)["ping"]["timeoutMs"], 30 * 60000)
        finally:
            other.process.send_signal(signal.SIGCONT)

    def test_a_sleep_that_is_too_short(self):
        made, _ = self.met(sleep_gap="1h")
        self.lies_still(made, 0.3)
        self.assertFalse(self.has_slept(made))

    def test_a_probe_that_is_not_answered(self):
        made, other = self.met(sleep_gap="100ms", probe_timeout="1ms")
        other.process.send_signal(signal.SIGSTOP)
        try:
            # Bytes that came before the other was stopped are an answer too: then it sleeps again.
            peer = made.wait_peer(
                other.id, lambda peer: peer["connected"] != "Connected" or self.lies_still(made, 0.3), "ended")
            self.assertEqual(peer["reason"], "ping_timeout")
        finally:
            other.process.send_signal(signal.SIGCONT)

    def test_what_is_not_valid(self):
        for option, value, takes in (
                ("max-dials", "0", "1 to 1000000"), ("discouraged-at", "5", "-2147483647 to 0"),
                ("discouraged-at", "-2147483648", "-2147483647 to 0"), ("discouraged-at", "--5", "-2147483647 to 0"),
                ("discouraged-at", "-", "-2147483647 to 0"), ("mismatch-delay", "-1s", "500ms, 5s or 10m"),
                ("sleep-gap", "0", "more than 0"), ("probe-timeout", "0", "more than 0")):
            with self.subTest(option=option, value=value):
                done = self.expect(2, "run", f"--{option}={value}")
                self.assertIn(f'--{option}: "{value}" is not valid', done.err)
                self.assertIn(takes, done.err)


if __name__ == "__main__":
    api.main()

"""The cases of losing and getting back: each side goes away in every way there is."""

import time

from groups import Grouped
from harness import label

BACKOFF = 2.0

# How long after it could have come back a peer may be back, in milliseconds: the jitter of one
# second, and a contact on a busy machine.
LATE = 3000

# A ping may have been on its way when its peer was frozen, in milliseconds.
ON_THE_WAY = 100

# The longest silence before a ping of ours, and our patience with its answer.
INTERVAL, PING_TIMEOUT = 1.2, 1.0


class Lifecycle(Grouped):
    def node(self, **options):
        """A daemon that holds all peers of the group, and did so in silence for a second: by then
        each connection counts as stable, and what was learnt of the peers is stored."""
        settings = {"staticnode": self.addresses(), "prune_backoff": f"{BACKOFF}s", "backoff_slack": "0s",
                    "reconnect_min": "200ms", "reconnect_max": "1s", "stable_after": "1s",
                    "idle_timeout": f"{2 * INTERVAL}s", **options}
        node = self.daemon(**settings)
        for host in self.hosts():
            node.wait_connected(host.id)
            host.wait("identify", peer=node.id)
        for host in self.hosts():
            host.wait("ping_received", peer=node.id)
        return node

    def check_return(self, node, host, since):
        """The peer's own record since `since`: it lost us, nobody knocked before the backoff was
        over, and we are back. Returns when."""
        lost = host.wait("disconnected", peer=node.id, since=since)
        again = host.wait("connected", peer=node.id, since=since)
        self.assertEqual(lost["left"], 0)
        first = min(event["t"] for event in host.events("tcp_accept", since=since))
        self.assertGreaterEqual(first, lost["t"] + BACKOFF * 1000, "dialled before the backoff was over")
        node.wait_connected(host.id)
        return again["t"]

    def check_all_return(self, node, marks, latest=None):
        for host in self.hosts():
            with self.subTest(label(host)):
                again = self.check_return(node, host, marks[host.peer])
                if latest is not None:
                    self.assertLessEqual(again, latest, "came back late")

    def check_all_are(self, node, connectivity, reasons, removed=False):
        """What REST shows of them while they wait."""
        seen = node.peers()
        for host in self.hosts():
            with self.subTest(label(host)):
                peer = seen[host.id]
                self.assertEqual(peer["connected"], connectivity)
                self.assertIn(peer["reason"], reasons)
                self.assertEqual(peer["connections"], [])
                self.assertEqual(peer["heldBackBy"], "prune_backoff")
                self.assertIsNotNone(peer["nextDial"])
                if removed:
                    self.assertIsNone(peer["disconnectTime"])
                else:
                    self.assertGreater(peer["nextDial"], peer["disconnectTime"])

    def marks(self):
        return {process: process.mark() for process in self.processes}

    def test_peer_closes_on_purpose(self):
        node, marks = self.node(), self.marks()
        for host in self.hosts():
            host.call("disconnect", peer=node.id)
        for host in self.hosts():
            node.wait_peer(host.id, lambda peer: peer["connected"] != "Connected", "no longer Connected", 1.0)
        self.check_all_are(node, "CanConnect", ("eof", "reset", "go_away"))
        self.assertEqual({peer["failures"] for peer in node.peers().values()}, {0})
        self.check_all_return(node, marks)

    def test_peer_is_killed(self):
        node = self.node()
        killed = {process: process.kill() for process in self.processes}
        for host in self.hosts():
            with self.subTest(label(host)):
                node.wait_peer(host.id, lambda peer: peer["connected"] != "Connected", "no longer Connected", 1.0)
        for host in self.hosts():
            with self.subTest(label(host)):
                seen = node.wait_state(host.id, "CannotConnect")
                self.assertEqual(seen["reason"], "refused")
                self.assertGreaterEqual(seen["failures"], 1)
        for process, at in killed.items():
            for host in self.restart(process, self.shared).hosts:
                with self.subTest(label(host)):
                    node.wait_connected(host.id)
                    self.assertGreaterEqual(host.wait("tcp_accept")["t"], at + BACKOFF * 1000)

    def test_peer_is_frozen(self):
        node = self.node(ping_timeout=f"{PING_TIMEOUT}s", dial_timeout="2s")
        lost = {}  # By the clock of the peers' events.
        frozen_at, frozen = time.monotonic() * 1000, time.time() * 1000
        for process in self.processes:
            process.freeze()
            self.addCleanup(process.thaw)
        for host in self.hosts():
            with self.subTest(label(host)):
                seen = node.wait_peer(host.id, lambda peer: peer["connected"] != "Connected", "lost",
                                      INTERVAL + 2 * PING_TIMEOUT + 2)
                self.assertEqual((seen["connected"], seen["reason"]), ("CannotConnect", "ping_timeout"))
                self.assertGreaterEqual(seen["disconnectTime"], frozen + 2 * PING_TIMEOUT * 1000 - ON_THE_WAY,
                                        "two pings have not had their time")
                lost[host] = frozen_at + seen["disconnectTime"] - frozen
        marks = self.marks()
        for process in self.processes:
            process.thaw()
        for host in self.hosts():
            with self.subTest(label(host)):
                host.wait("connected", peer=node.id, since=marks[host.peer])
                # A socket that came while it was frozen was accepted at its thawing.
                first = host.events("tcp_accept", since=marks[host.peer])[0]
                self.assertGreaterEqual(first["t"], lost[host] + BACKOFF * 1000, "dialled before the backoff was over")
                node.wait_connected(host.id)

    def check_removed(self, end):
        """A person removes the peers; what is left of them, after the end of the daemon too, is how long
        they must be left alone."""
        node, marks = self.node(), self.marks()
        for host in self.hosts():
            self.assertEqual(node.ask("DELETE", f"/admin/v1/peer/{host.id}"), "OK")
        self.assertEqual(node.peers(), {})
        end(node)
        started = node.start()
        self.check_all_are(node, "NotConnected", ("none",), removed=True)
        self.check_all_return(node, marks, started + BACKOFF * 1000 + LATE)

    def test_removed_and_stopped_and_started(self):
        self.check_removed(lambda node: node.terminate())

    def test_removed_and_killed_and_started(self):
        self.check_removed(lambda node: node.kill())

    def test_daemon_is_stopped_and_started(self):
        node, marks = self.node(), self.marks()
        stopped = node.terminate()
        started = node.start()
        self.check_all_are(node, "CanConnect", ("shutdown",))
        self.check_all_return(node, marks, max(stopped + BACKOFF * 1000, started) + LATE)

    def test_daemon_is_killed_and_started(self):
        node, marks = self.node(), self.marks()
        node.kill()
        started = node.start()
        self.check_all_are(node, "CannotConnect", ("crash",))
        self.check_all_return(node, marks, started + BACKOFF * 1000 + LATE)

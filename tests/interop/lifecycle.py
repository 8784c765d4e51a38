"""The cases of losing and getting back: each side goes away in every way there is."""

from groups import Grouped

BACKOFF = 2.0

# Pings of the daemon and its patience, where a case is about them.
INTERVAL, PING_TIMEOUT = 0.5, 1.0


class Lifecycle(Grouped):
    def node(self, **options):
        """A daemon that holds all peers of the group."""
        settings = {"staticnode": self.addresses(), "prune_backoff": f"{BACKOFF}s", "backoff_slack": "0s",
                    "reconnect_min": "200ms", "reconnect_max": "1s", **options}
        node = self.daemon(**settings)
        for host in self.hosts():
            node.wait_connected(host.id)
            host.wait("identify", peer=node.id)
        return node

    def check_backoff(self, node, host, ended, since=0):
        """The peer's own record: connected again, and nobody knocked before `ended` + backoff."""
        again = host.wait("connected", peer=node.id, count=2 if since == 0 else 1, since=since)
        knocks = [event["t"] for event in host.events("tcp_accept") if event["t"] >= ended]
        self.assertGreaterEqual(min(knocks), ended + BACKOFF * 1000, "dialled before the backoff was over")
        return again["t"]

    def test_peer_closes_on_purpose(self):
        node = self.node()
        ended = {}
        for host in self.hosts():
            ended[host.id] = node.wait_connected(host.id) and host.call("disconnect", peer=node.id)["t"]
        for host in self.each_host():
            seen = node.wait_peer(host.id, lambda peer: peer["connected"] != "Connected", "no longer Connected", 1.0)
            self.assertEqual(seen["connected"], "CanConnect")
            self.assertIn(seen["reason"], ("eof", "reset", "go_away"))
            self.assertEqual(seen["failures"], 0)
            self.assertEqual(seen["connections"], [])
            self.assertTrue(seen["disconnectTime"] and seen["nextDial"] and seen["heldBackBy"])
        for host in self.each_host():
            # Its library's call returns when the connection is closed: at least then it is over.
            closed = host.wait("disconnected", peer=node.id)["t"]
            self.check_backoff(node, host, min(ended[host.id], closed))
            node.wait_connected(host.id)

    def test_peer_is_killed(self):
        node = self.node()
        killed = {process: process.kill() for process in self.processes}
        for host in self.each_host():
            node.wait_peer(host.id, lambda peer: peer["connected"] != "Connected", "no longer Connected", 1.0)
        for host in self.each_host():
            seen = node.wait_state(host.id, "CannotConnect")
            self.assertEqual(seen["reason"], "refused")
            self.assertGreaterEqual(seen["failures"], 1)
        for process, at in killed.items():
            again = self.restart(process, self.shared)
            for host in again.hosts:
                node.wait_connected(host.id)
                self.assertGreaterEqual(host.wait("tcp_accept")["t"], at + BACKOFF * 1000)

    def test_peer_is_frozen(self):
        node = self.node(idle_timeout=f"{2 * INTERVAL}s", ping_timeout=f"{PING_TIMEOUT}s", dial_timeout="2s")
        for host in self.hosts():
            host.wait("ping_received", peer=node.id)
        for process in self.processes:
            process.freeze()
            self.addCleanup(process.thaw)
        for host in self.each_host():
            seen = node.wait_peer(host.id, lambda peer: peer["connected"] != "Connected", "lost",
                                  INTERVAL + 2 * PING_TIMEOUT + 2)
            self.assertEqual((seen["connected"], seen["reason"]), ("CannotConnect", "ping_timeout"))
        marks = {process: process.mark() for process in self.processes}
        for process in self.processes:
            process.thaw()
        for host in self.each_host():
            host.wait("connected", peer=node.id, since=marks[host.peer])
            node.wait_connected(host.id)

    def test_daemon_is_stopped_and_started(self):
        node = self.node()
        marks = {process: process.mark() for process in self.processes}
        before, after = node.terminate()
        started = node.start()
        for host in self.each_host():
            again = self.check_backoff(node, host, before, marks[host.peer])
            self.assertLessEqual(again, max(after + BACKOFF * 1000, started) + 3000)
            node.wait_connected(host.id)

    def test_daemon_is_killed_and_started(self):
        node = self.node()
        marks = {process: process.mark() for process in self.processes}
        killed = node.kill()
        started = node.start()
        for host in self.each_host():
            seen = node.peer(host.id)
            if seen["connected"] != "Connected":
                self.assertEqual((seen["connected"], seen["reason"]), ("CannotConnect", "crash"))
            again = self.check_backoff(node, host, killed, marks[host.peer])
            self.assertLessEqual(again, started + BACKOFF * 1000 + 3000)
            node.wait_connected(host.id)

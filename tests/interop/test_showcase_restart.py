#!/usr/bin/python3
"""200 relay peers, and a daemon that is killed: all come back, and none is dialled early."""

import unittest

import harness
from harness import relay_host

PEERS = 200
BACKOFF = 5.0
WITHIN = 3.0


class GetsThemAllBack(harness.InteropTest):
    def relay_peers(self):
        """go-libp2p hosts in one process, or js-libp2p hosts in two where there is no Go."""
        try:
            return self.peer("go-libp2p", [relay_host()] * PEERS).hosts
        except unittest.SkipTest:
            half = [self.peer("js-libp2p", [relay_host()] * (PEERS // 2)) for _ in range(2)]
            return [host for process in half for host in process.hosts]

    def connected(self, node):
        return sum(peer["connected"] == "Connected" and bool(peer["protocols"]) for peer in node.peers().values())

    def test_killed_with_200_peers(self):
        hosts = self.relay_peers()
        node = self.daemon(staticnode=[host.address for host in hosts], prune_backoff=f"{BACKOFF:.0f}s",
                           backoff_slack="0s", max_connections=PEERS + 50, idle_timeout="4s")
        node.until(lambda: self.connected(node) == PEERS, f"has not connected to {PEERS} peers")
        for host in hosts:
            # Two seconds of silence went before it: what was learnt until then is stored.
            host.wait("ping_received", peer=node.id)

        marks = {host.id: host.peer.mark() for host in hosts}
        killed = node.kill()
        node.options.pop("staticnode")  # It knows them all by itself.
        started = node.start()
        last = max(host.wait("connected", peer=node.id, since=marks[host.id])["t"] for host in hosts)
        print(f"{PEERS} peers back {(last - started) / 1000:.2f} s after the restart", flush=True)
        node.until(lambda: self.connected(node) == PEERS, "does not show all peers Connected", WITHIN)

        knocks = {host.id: [event["t"] for event in host.events("tcp_accept", since=marks[host.id])] for host in hosts}
        self.assertEqual({peer: times for peer, times in knocks.items() if min(times) < killed + BACKOFF * 1000}, {},
                         "dialled before the backoff was over")
        self.assertEqual({peer: times for peer, times in knocks.items() if len(times) != 1}, {},
                         "dialled more than once")
        self.assertLessEqual(last - started, (BACKOFF + WITHIN) * 1000)


if __name__ == "__main__":
    harness.main()

#!/usr/bin/python3
"""A go-libp2p peer with more protocols than are kept: that it relays is known all the same."""

import harness
from harness import METADATA, RELAY, relay_host

BACKOFF = 4.0

# Short ones: go-libp2p itself reads no identify message above 8 KiB.
MORE_THAN_KEPT = [f"/interop/{number}" for number in range(300)]


class ManyProtocols(harness.InteropTest):
    def lose(self, node, host):
        """The peer ends the connection; returns the mark and the time of it."""
        node.wait_connected(host.id)
        mark = host.peer.mark()
        host.call("disconnect", peer=node.id)
        return mark, host.wait("disconnected", peer=node.id, since=mark)["t"]

    def test_a_relay_protocol_behind_300_others_earns_the_prune_backoff(self):
        # go-libp2p tells its protocols in the order in which they were added: relay last.
        plain, relay = self.peer("go-libp2p", [{"protocols": MORE_THAN_KEPT, "metadata": METADATA},
                                               relay_host(protocols=MORE_THAN_KEPT)]).hosts
        node = self.daemon(staticnode=[plain.address, relay.address], prune_backoff=f"{BACKOFF}s",
                           backoff_slack="0s", reconnect_min="200ms", reconnect_max="200ms", stable_after="0s")
        mark, lost = self.lose(node, relay)
        seen = node.wait_peer(relay.id, lambda peer: peer["connected"] != "Connected", "no longer Connected")
        self.assertIn(RELAY, seen["protocols"])
        self.assertEqual(seen["heldBackBy"], "prune_backoff")
        # The other, with as many protocols, is back in the meantime: it owes no backoff.
        without, left = self.lose(node, plain)
        self.assertLess(plain.wait("tcp_accept", since=without)["t"], left + BACKOFF * 1000)
        self.assertNotIn(RELAY, node.wait_connected(plain.id)["protocols"])
        self.assertGreaterEqual(relay.wait("tcp_accept", since=mark)["t"], lost + BACKOFF * 1000,
                                "dialled before the backoff was over")
        node.wait_connected(relay.id)


if __name__ == "__main__":
    harness.main()

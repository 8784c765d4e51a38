#!/usr/bin/python3
"""What a person asks for goes before the policy: who was disconnected stays away, also across a
restart, and who is to be connected is dialled at once, whatever its backoff."""

import harness
from harness import relay_host


class Person(harness.InteropTest):
    def hold(self, **options):
        """A daemon that holds two peers: one a person has to do with, and one to compare with."""
        made = self.peer("js-libp2p", [relay_host(), relay_host()])
        node = self.daemon(staticnode=[host.address for host in made.hosts], **options)
        for host in made.hosts:
            node.wait_connected(host.id)
            host.wait("ping_received", peer=node.id)  # After a second of silence: all of it is stored.
        return node, *made.hosts

    def come_back(self, node, host, times):
        """The other peer closes its connection and gets it back, again and again."""
        for _ in range(times):
            seen = host.peer.mark()
            host.call("disconnect", peer=node.id)
            host.wait("connected", peer=node.id, since=seen)
            node.wait_connected(host.id)

    def test_a_disconnected_peer_stays_away_until_it_is_connected(self):
        node, away, other = self.hold(idle_timeout="2.4s", prune_backoff="0s", backoff_slack="0s",
                                      reconnect_min="100ms", reconnect_max="100ms")
        node.ask("POST", f"/admin/v1/peer/{away.id}/disconnect", {})
        away.wait("disconnected", peer=node.id)
        mark = away.peer.mark()
        seen = node.wait_state(away.id, "CanConnect")
        self.assertEqual((seen["reason"], seen["heldBackBy"], seen["nextDial"]), ("person", "person", None))
        self.come_back(node, other, 3)
        for end in (node.terminate, node.kill):
            end()
            node.start()
            node.wait_connected(other.id)
            self.come_back(node, other, 1)
            self.assertEqual(away.events("tcp_accept", since=mark), [], "dialled though a person disconnected it")
        node.ask("POST", f"/admin/v1/peer/{away.id}/connect", {})
        away.wait("connected", peer=node.id, since=mark)
        node.wait_connected(away.id)

        mark = away.peer.mark()
        away.call("disconnect", peer=node.id)
        away.wait("connected", peer=node.id, since=mark)

    def test_a_connect_does_not_wait_for_the_backoff(self):
        node, asked, other = self.hold(idle_timeout="2.4s", prune_backoff="60m")
        mark = asked.peer.mark()
        for host in (asked, other):
            host.call("disconnect", peer=node.id)
            self.assertEqual(node.wait_state(host.id, "CanConnect")["heldBackBy"], "prune_backoff")
        node.ask("POST", f"/admin/v1/peer/{asked.id}/connect", {})
        asked.wait("connected", peer=node.id, since=mark)
        node.wait_connected(asked.id)
        self.assertEqual(other.events("tcp_accept", since=mark), [])
        self.assertEqual(node.peer(other.id)["connected"], "CanConnect")


if __name__ == "__main__":
    harness.main()

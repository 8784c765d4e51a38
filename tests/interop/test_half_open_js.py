#!/usr/bin/python3
"""js-libp2p peers that leave half-open connections, and one that does not."""

import harness
from half_open import HalfOpenTest
from harness import relay_host


class JsHalfOpen(HalfOpenTest):
    def test_js_peer_that_dialled_leaves_a_half_open_connection(self):
        self.check_peer_that_dialled("js-libp2p")

    def test_js_peer_that_was_dialled_leaves_a_half_open_connection(self):
        self.check_peer_that_was_dialled("js-libp2p")

    def test_an_older_connection_that_is_alive_stays(self):
        peer = self.peer("js-libp2p", [relay_host()])
        node = self.node(staticnode=peer.address)
        (old,) = node.wait_connected(peer.id)["connections"]
        peer.wait("ping_received", peer=node.id)
        # The same identity a second time, as a copied key would be: it is the newcomer that goes.
        twin = self.peer("js-libp2p", [{**peer.again()[0], "listen": "/ip4/127.0.0.1/tcp/0"}])
        twin.call("dial", addr=node.address)
        twin.wait("disconnected", peer=node.id)
        seen = node.wait_peer(peer.id, lambda each: len(each["connections"]) == 1, "with one connection")
        self.assertEqual((seen["connected"], seen["connections"]), ("Connected", [old]))
        self.assertEqual(peer.events("disconnected"), [])


if __name__ == "__main__":
    harness.main()

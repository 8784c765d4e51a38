"""A peer that comes back while its old connection looks alive."""

import harness
from harness import relay_host
from proxy import Proxy


class HalfOpenTest(harness.InteropTest):
    def half_open(self, node, peer):
        """The peer's only connection goes silent, its process dies, and it comes back."""
        (old,) = node.wait_connected(peer.id)["connections"]
        # After a whole interval of silence the time in which two connections race is over.
        peer.wait("ping_received", peer=node.id)
        self.proxy.blackhole()
        peer.kill()
        again = self.peer(peer.kind, peer.again())
        self.assertEqual(node.peer(peer.id)["connected"], "Connected", "the daemon cannot know yet")
        again.call("dial", addr=node.address)
        again.call("ping", peer=node.id)
        seen = node.wait_peer(peer.id, lambda each: [one["remote"] for one in each["connections"]] != [old["remote"]]
                              and len(each["connections"]) == 1, "with its new connection alone")
        self.assertEqual(seen["connected"], "Connected")
        self.assertEqual(seen["connections"][0]["direction"], "inbound")
        self.assertEqual(seen["failures"], 0)
        again.call("ping", peer=node.id)
        self.assertEqual(again.events("disconnected"), [])

    def node(self, **options):
        return self.daemon(idle_timeout="4s", ping_timeout="1s", dial_timeout="1s", **options)

    def through_proxy(self, port):
        self.proxy = Proxy(port)
        self.addCleanup(self.proxy.close)
        return f"/ip4/127.0.0.1/tcp/{self.proxy.port}"

    def check_peer_that_dialled(self, kind):
        peer = self.peer(kind, [relay_host()])
        node = self.node()
        place = self.through_proxy(node.address.split("/")[4])
        peer.call("dial", addr=f"{place}/p2p/{node.id}")
        self.half_open(node, peer)

    def check_peer_that_was_dialled(self, kind):
        peer = self.peer(kind, [relay_host()])
        place = self.through_proxy(peer.hosts[0].port)
        node = self.node(staticnode=f"{place}/p2p/{peer.id}")
        self.half_open(node, peer)

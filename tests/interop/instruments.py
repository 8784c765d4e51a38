"""The instruments themselves: the peers meet each other, and record what the other tests rely on."""

import socket

import harness
from harness import METADATA, relay_host
from peers import PeerError


class InstrumentsTest(harness.InteropTest):
    def check_records(self, near, far):
        """near dials far: both record the contact, its identify and its pings."""
        near.call("dial", addr=far.address)
        self.assertEqual(near.wait("connected", peer=far.id)["direction"], "outbound")
        knock, up = far.wait("tcp_accept"), far.wait("connected", peer=near.id)
        self.assertEqual(up["direction"], "inbound")
        self.assertLessEqual(knock["t"], up["t"])
        self.assertIn("/ipfs/ping/1.0.0", near.wait("identify", peer=far.id)["protocols"])
        self.assertIn(near.address.removesuffix(f"/p2p/{near.id}"), far.wait("identify", peer=near.id)["addrs"])
        for one, other in ((near, far), (far, near)):
            one.call("ping", peer=other.id, count=2)
            other.wait("ping_received", peer=one.id, count=2)
        self.assertEqual(len(near.call("peers", host=0)["connections"]), 1)
        near.call("disconnect", peer=far.id)
        far.wait("disconnected", peer=near.id)

    def check_silent_caller_is_recorded(self, peer):
        """A dial is on record though not one byte was sent."""
        seen = peer.mark()
        with socket.create_connection(("127.0.0.1", peer.hosts[0].port)) as caller:
            here = caller.getsockname()
            peer.wait("tcp_accept", since=seen, host=0, remote=f"{here[0]}:{here[1]}")

    def check_comes_back_as_itself(self, peer):
        peer.kill()
        again = self.peer(peer.kind, peer.again())
        self.assertEqual(again.address, peer.address)

    def check_kind(self, kind):
        peer = self.peer(kind, [relay_host()])
        self.check_records(self.peer("js-libp2p", [{"metadata": METADATA}]), peer)
        self.check_silent_caller_is_recorded(peer)
        self.check_comes_back_as_itself(peer)

    def check_leaves_loopback_never(self, kind):
        made, other = self.peer(kind), self.peer(kind)
        with self.assertRaisesRegex(PeerError, "(?i)gater|denied|no valid addresses"):
            made.call("dial", addr=f"/ip4/192.0.2.1/tcp/1/p2p/{other.id}")

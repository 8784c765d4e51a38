#!/usr/bin/python3
"""go-libp2p hosts and go-waku nodes whose peerstore is ours (bindings/go), in memory and on SQLite."""

import harness

IDENTIFY = "/ipfs/id/1.0.0"


class Peerstore(harness.InteropTest):
    def meet(self, kind, where):
        """A host on a peerstore of ours dials a plain one; both hosts."""
        (other,) = self.peer(kind, [{}]).hosts
        (host,) = self.peer(kind, [{"peerstore": str(where)}]).hosts
        host.call("dial", addr=other.address)
        self.assertEqual(host.wait("identify", peer=other.id)["agent"],
                         self.check_known(host, other)["agent"])
        other.wait("identify", peer=host.id)
        self.assertTrue(host.call("ping", peer=other.id, count=3)["pings"])
        return host, other

    def check_known(self, host, other):
        """What identify told of the other is in the peerstore."""
        known = host.call("known", peer=other.id)
        self.assertIn(other.address.split("/p2p/")[0], known["addrs"])
        self.assertIn(IDENTIFY, known["protocols"])
        self.assertTrue(known["key"])
        return known

    def check_memory(self, kind):
        host, other = self.meet(kind, "memory")
        other.call("disconnect", peer=host.id)
        host.wait("disconnected", peer=other.id)
        self.check_known(host, other)
        host.peer.stop()

    def check_sqlite(self, kind):
        host, other = self.meet(kind, self.workshop.folder / f"{kind}.db")
        host.peer.stop()
        (again,) = self.peer(kind, host.peer.again()).hosts
        self.assertEqual(again.id, host.id)
        # go-libp2p itself removes the peers when it stops, which leaves their addresses.
        self.assertIn(other.address.split("/p2p/")[0], again.call("known", peer=other.id)["addrs"])
        again.call("dial", addr=other.address)
        again.wait("identify", peer=other.id)
        self.check_known(again, other)

    def test_go_libp2p_in_memory(self):
        self.check_memory("go-libp2p")

    def test_go_libp2p_on_sqlite(self):
        self.check_sqlite("go-libp2p")

    def test_go_waku_in_memory(self):
        self.check_memory("go-waku")

    def test_go_waku_on_sqlite(self):
        self.check_sqlite("go-waku")


if __name__ == "__main__":
    harness.main()

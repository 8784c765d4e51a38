"""66/WAKU2-METADATA: who may stay, and who is left alone from then on."""

import harness

ELSEWHERE = {"cluster": 5, "shards": [0]}


class MetadataTest(harness.InteropTest):
    def stays(self, node, host, pings=3):
        """It is connected, sees keep-alive pings, and it is the first connection still."""
        node.wait_connected(host.id)
        host.wait("ping_received", peer=node.id, count=pings)
        self.assertEqual(node.peer(host.id)["connected"], "Connected")
        self.assertEqual(host.events("disconnected"), [])

    def check_who_stays(self, kind, hosts):
        made = self.peer(kind, hosts)
        node = self.daemon(idle_timeout="1s", staticnode=[host.address for host in made.hosts])
        for host in made.hosts:
            with self.subTest(str(host.config)):
                self.stays(node, host)
        return node, made

    def check_another_cluster(self, kind, hosts):
        """hosts[0] is of our cluster, the others of another."""
        made = self.peer(kind, hosts)
        near, far = made.hosts[0], made.hosts[1:]
        node = self.daemon(staticnode=[host.address for host in made.hosts], prune_backoff="0s",
                           backoff_slack="0s", reconnect_min="100ms", reconnect_max="100ms")
        for host in far:
            host.wait("disconnected", peer=node.id)
            seen = node.wait_peer(host.id, lambda peer: peer["connected"] != "Connected", "ended")
            self.assertEqual((seen["connected"], seen["reason"]), ("CanConnect", "cluster_mismatch"))
            self.assertTrue(seen["heldBackBy"])
        # A peer that we do redial shows that there was time to.
        for count in range(2, 6):
            node.wait_connected(near.id)
            near.call("disconnect", peer=node.id)
            near.wait("connected", peer=node.id, count=count)
        for host in far:
            self.assertEqual(len(host.events("tcp_accept")), 1, "dialled again")

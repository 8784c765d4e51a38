#!/usr/bin/python3
"""66/WAKU2-METADATA: who may stay, and who is left alone from then on."""

import harness
from harness import METADATA, relay_host

ELSEWHERE = {"cluster": 5, "shards": [0]}


class Metadata(harness.InteropTest):
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

    def test_js_peers_that_stay(self):
        shards = {**METADATA, "shards": [3, 4]}
        self.check_who_stays("js-libp2p", [
            {}, {"relay": True}, {"metadata": METADATA}, relay_host(), relay_host(metadata=shards),
            {"metadata": {"cluster": 0, "shards": []}}])

    def test_js_peers_ask_and_are_answered(self):
        made = self.peer("js-libp2p", [relay_host()])
        node = self.daemon(staticnode=made.address, shard=[0, 3])
        node.wait_connected(made.id)
        asked = made.wait("metadata", peer=node.id, role="responder")
        made.call("metadata", peer=node.id)
        answered = made.wait("metadata", peer=node.id, role="requester")
        for said in (asked, answered):
            self.assertEqual((said["cluster"], said["deprecated"], said["shards"]), (1, [], []),
                             "ours names the cluster, and no shards, for we do not relay")
        self.assertEqual(node.wait_peer(made.id, lambda peer: peer["shards"], "with shards")["shards"], [0])

    def test_js_peers_of_another_cluster(self):
        self.check_another_cluster("js-libp2p", [relay_host(), relay_host(metadata=ELSEWHERE), {"metadata": ELSEWHERE}])

    def test_a_js_waku_node_of_another_cluster(self):
        waku = self.peer("js-waku", [{"metadata": ELSEWHERE}])
        node = self.daemon(staticnode=waku.address)
        waku.wait("disconnected", peer=node.id)
        seen = node.wait_peer(waku.id, lambda peer: peer["connected"] != "Connected", "ended")
        self.assertEqual(seen["reason"], "cluster_mismatch")

    def test_without_a_cluster_of_our_own_all_stay(self):
        made = self.peer("js-libp2p", [relay_host(metadata=ELSEWHERE)])
        node = self.daemon(idle_timeout="1s", cluster_id=0, staticnode=made.address)
        self.stays(node, made.hosts[0])

    def test_go_peers_that_stay(self):
        self.check_who_stays("go-libp2p", [{}, {"relay": True}, relay_host(),
                                           relay_host(metadata={**METADATA, "request": True})])

    def test_go_peers_of_another_cluster(self):
        self.check_another_cluster("go-libp2p", [relay_host(), relay_host(metadata=ELSEWHERE), {"metadata": ELSEWHERE}])

    def test_go_waku_of_our_cluster_stays_on_other_shards(self):
        self.check_who_stays("go-waku", [{"metadata": {"cluster": 1, "shards": [7]}}])

    def test_a_go_waku_node_of_another_cluster(self):
        waku = self.peer("go-waku", [{"metadata": ELSEWHERE}])
        node = self.daemon(staticnode=waku.address, prune_backoff="0s", backoff_slack="0s")
        waku.wait("disconnected", peer=node.id)
        # Both sides end it; whoever reads the other's metadata first decides what we know.
        seen = node.wait_peer(waku.id, lambda peer: peer["connected"] != "Connected", "ended")
        self.assertIn(seen["reason"], ("cluster_mismatch", "reset", "eof"))


if __name__ == "__main__":
    harness.main()

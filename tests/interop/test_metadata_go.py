#!/usr/bin/python3
"""Waku metadata with go-libp2p and go-waku peers."""

import harness
from harness import METADATA, relay_host
from metadata import ELSEWHERE, MetadataTest


class GoMetadata(MetadataTest):
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

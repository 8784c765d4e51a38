#!/usr/bin/python3
"""Waku metadata with js-libp2p and js-waku peers."""

import harness
from harness import METADATA, relay_host
from metadata import ELSEWHERE, MetadataTest


class JsMetadata(MetadataTest):
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

    def test_relay_peers_of_each_shard_are_held_beyond_those_wanted(self):
        shards = [1, 1, 2, 3]
        hosts = self.peer("js-libp2p", [relay_host(metadata={"cluster": 1, "shards": [each]}) for each in shards]).hosts
        node = self.daemon(shard=[1, 2], relay_outbound=1, relay_per_shard=1, dial_private_addresses=True)
        node.ask("POST", "/admin/v1/peers/import", [
            {"peerId": host.id, "multiaddrs": [host.address], "clusterId": 1, "shards": [shard]}
            for host, shard in zip(hosts, shards)])

        def held():
            return {tuple(peer["shards"]) for peer in node.peers().values() if peer["connected"] == "Connected"}
        node.until(lambda: held() == {(1,), (2,)}, "does not hold a peer of each shard")
        states = [node.peer(host.id)["connected"] for host in hosts]
        self.assertEqual((sorted(states[:2]), states[2:]), (["Connected", "NotConnected"], ["Connected", "NotConnected"]))

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


if __name__ == "__main__":
    harness.main()

#!/usr/bin/python3
"""Peer stores that go-waku wrote are imported, and go-waku runs on one that we exported."""

import json
import sqlite3

import daemon
import harness
from harness import InteropTest


class GoStores(InteropTest):
    def store_of_a_killed_node(self):
        """(file, its node's id, a go-waku and a go-libp2p host that it was connected with)."""
        file = self.workshop.folder / "peerstore.db"
        (node,) = self.peer("go-waku", [{"store": str(file)}]).hosts
        (waku,) = self.peer("go-waku").hosts
        (plain,) = self.peer("go-libp2p", [{"keyType": "rsa", "metadata": {"cluster": 1, "shards": [0]}}]).hosts
        for other in (waku, plain):
            node.call("dial", addr=other.address)
            node.wait("identify", peer=other.id)
        node.call("note", peer=waku.id)
        said = node.call("stored")["peers"]
        node.peer.kill()
        return file, node.id, said, waku, plain

    def db(self, code, *words):
        found, out, err = daemon.run_cli("db", *words)
        self.assertEqual(found, code, out + err)
        return out, err

    def exported(self, data):
        out, _ = self.db(0, "export", f"--data-dir={data}")
        return {peer["peerId"]: peer for peer in map(json.loads, out.splitlines())}

    def test_import(self):
        file, own, said, waku, plain = self.store_of_a_killed_node()
        data = self.workshop.folder / "data"
        out, err = self.db(1, "import", f"--data-dir={data}", file)
        self.assertEqual(out, "imported 2, skipped 1\n")  # A Go int is none of the four types.
        self.assertIn("\"count\"", err)
        peers = self.exported(data)
        self.assertEqual(set(peers), {waku.id, plain.id})
        self.assertNotIn(own, peers)
        for host in (waku, plain):
            found, told = peers[host.id], said[host.id]
            self.assertEqual(set(found["multiaddrs"]), set(told["addrs"]))
            self.assertEqual(set(found["protocols"]), set(told["protocols"]))
            self.assertEqual(found["agent"], told["agent"])
            self.assertIn("publicKey", found)
        self.assertEqual((peers[waku.id]["score"], peers[waku.id]["shards"]), (7, [2, 5]))

    def test_export(self):
        file, _, _, waku, plain = self.store_of_a_killed_node()
        data, ours = self.workshop.folder / "data", self.workshop.folder / "ours.db"
        self.db(1, "import", f"--data-dir={data}", file)
        self.db(0, "export", f"--data-dir={data}", "--format=go", ours)
        peers = self.exported(data)
        (node,) = self.peer("go-waku", [{"store": str(ours)}]).hosts
        told = node.call("stored")["peers"]
        for host in (waku, plain):
            found = told[host.id]
            self.assertEqual(set(found["addrs"]), set(peers[host.id]["multiaddrs"]))
            self.assertEqual(set(found["protocols"]), set(peers[host.id]["protocols"]))
            self.assertEqual(found["agent"], peers[host.id]["agent"])
            self.assertTrue(found["hasKey"])
        self.assertEqual((told[waku.id]["score"], sorted(told[waku.id]["topics"])),
                         (7, ["/waku/2/rs/1/2", "/waku/2/rs/1/5"]))
        self.assertEqual((told[waku.id]["comment"], told[waku.id]["weight"]), ("seen in a test", 0.25))
        link = sqlite3.connect(ours)
        self.assertEqual(link.execute("PRAGMA integrity_check").fetchone(), ("ok",))
        link.close()

    def test_a_daemon_that_was_connected(self):
        """What our daemon learned of a peer, its signed record too, reaches a go-waku node."""
        (waku,) = self.peer("go-waku").hosts
        made = self.daemon(staticnode=waku.address)
        made.wait_peer(waku.id, lambda peer: peer["protocols"], "identified")
        made.terminate()
        ours = self.workshop.folder / "ours.db"
        self.db(0, "export", f"--data-dir={made.data_dir}", "--format=go", ours)
        (node,) = self.peer("go-waku", [{"store": str(ours)}]).hosts
        found = node.call("stored")["peers"][waku.id]
        self.assertIn(waku.address.removesuffix(f"/p2p/{waku.id}"), found["addrs"])
        self.assertTrue(found["agent"])


if __name__ == "__main__":
    harness.main()

"""The cases of a first contact: who dials whom, identify and ping in both directions."""

import json

import daemon
from groups import Grouped
from harness import RELAY, label

OURS = ("/ipfs/id/1.0.0", "/ipfs/id/push/1.0.0", "/ipfs/ping/1.0.0", "/vac/waku/metadata/1.0.0")


class Exchange(Grouped):
    def check_contact(self, node, host, direction):
        """Both sides know the other as it is, over one connection of that direction."""
        seen = node.wait_connected(host.id)
        self.assertIn(RELAY, seen["protocols"])
        self.assertIn("/ipfs/ping/1.0.0", seen["protocols"])
        self.assertEqual(len(seen["protocols"]), len(set(seen["protocols"])))
        self.assertTrue(seen["agent"], "no agent")
        self.assertIn(host.address.removesuffix(f"/p2p/{host.id}"),
                      [each["address"].removesuffix(f"/p2p/{host.id}") for each in seen["addresses"]])
        (connection,) = seen["connections"]
        self.assertEqual(connection["direction"], direction)
        self.assertEqual(connection["security"], "/noise")
        self.check_muxer(host, connection["muxer"])
        self.check_identify(node, host)
        self.check_pings(node, host)

    def check_muxer(self, host, muxer):
        wanted = {"yamux": "/yamux/1.0.0", "mplex": "/mplex/6.7.0"}
        self.assertIn(muxer, [wanted[name] for name in host.config.get("muxers", ["yamux"])])
        self.assertEqual(muxer, host.wait("connected", peer=self.node_id)["muxer"])

    def check_identify(self, node, host):
        said = host.wait("identify", peer=node.id)
        self.assertRegex(said["agent"], r"^wakupeers/")
        for protocol in OURS:
            self.assertIn(protocol, said["protocols"])
        self.assertNotIn(RELAY, said["protocols"], "we do not relay")
        ours = node.address.removesuffix(f"/p2p/{node.id}")
        self.assertIn(ours, [each.removesuffix(f"/p2p/{node.id}") for each in said["addrs"]])
        if host.peer.kind.startswith("go-"):
            self.assertIn(ours, said["certified"] or [], "no signed record of ours that verifies")

    def check_pings(self, node, host):
        host.wait("ping_received", peer=node.id)
        host.call("ping", peer=node.id, count=3)
        round_trip = node.wait_peer(host.id, lambda peer: peer["rttMs"] is not None, "with a round trip time")["rttMs"]
        self.assertGreater(round_trip, 0)

    def node(self, **options):
        # Short silences only, so that each peer gets to see pings of ours.
        made = self.daemon(idle_timeout="1s", ping_timeout="10s", **options)
        self.node_id = made.id
        return made

    def test_we_dial(self):
        node = self.node(staticnode=self.addresses())
        for host in self.hosts():
            with self.subTest(label(host)):
                self.check_contact(node, host, "outbound")
                self.assertEqual(node.peer(host.id)["origin"], "Static")

    def test_they_dial(self):
        node = self.node()
        for host in self.hosts():
            with self.subTest(label(host)):
                host.call("dial", addr=node.address)
                self.check_contact(node, host, "inbound")

    def test_the_ping_command(self):
        for host in self.hosts():
            with self.subTest(label(host)):
                code, out, err = daemon.run_cli("ping", "--json", "-c", 2, "-i", "50ms", host.address)
                self.assertEqual(code, 0, out + err)
                said = json.loads(out)
                self.assertEqual(said["peerId"], host.id)
                self.assertIn(RELAY, said["protocols"])
                self.assertEqual(len(said["pings"]), 2)

    def test_they_add_a_protocol(self):
        added = "/wakupeers/interop/added/1.0.0"
        node = self.node(staticnode=self.addresses())
        for host in self.hosts():
            with self.subTest(label(host)):
                node.wait_connected(host.id)
                if host.peer.kind == "js-waku":
                    continue  # It has no identify push.
                host.call("protocol", name=added)
                node.wait_peer(host.id, lambda peer: added in peer["protocols"], "with the protocol that it pushed")

    def test_someone_else_answers(self):
        hosts = self.hosts()
        for host, other in zip(hosts, hosts[1:] + hosts[:1]):
            with self.subTest(label(host)):
                wrong = f"/ip4/127.0.0.1/tcp/{host.port}/p2p/{other.id}"
                code, out, err = daemon.run_cli("ping", "--json", wrong)
                self.assertEqual(code, 1, out + err)
                said = json.loads(out)
                self.assertEqual((said["error"], said["step"]), ("peer_id_mismatch", "handshake"))
                self.assertEqual(said["peerId"], host.id, "the id that answered is not named")
                code, out, err = daemon.run_cli("ping", wrong)
                self.assertEqual(code, 1, out + err)
                self.assertIn(host.id, err, "the id that answered is not named")

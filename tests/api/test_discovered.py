"""What somebody's discovery finds comes in by REST, with the peer that told of it, which answers for it."""

import json

import api
from api import NOBODY, NOBODYS_ADDRESS, ApiTest

PATH = "/admin/v1/peers/discovered"


class Discovered(ApiTest):
    def setUp(self):
        """The other one dialled us: to a static node we would always listen."""
        super().setUp()
        self.made, self.other = self.daemon(dial_private_addresses=True), self.daemon()
        self.other.connect(self.made.address)
        self.made.wait_connected(self.other.id)

    def tell(self, *found):
        return self.made.ask("POST", PATH, list(found))

    def score_of_teller(self):
        return self.made.peer(self.other.id)["score"]

    def test_it_is_kept_as_what_it_is(self):
        for source, origin in (("dns", "Dns"), ("discv5", "Discv5"), ("peer_exchange", "PeerExchange")):
            with self.subTest(source):
                self.made.request("DELETE", f"/admin/v1/peer/{NOBODY}")
                self.assertEqual(self.tell({"multiaddr": NOBODYS_ADDRESS, "source": source, "toldBy": None}),
                                 [{"multiaddr": NOBODYS_ADDRESS, "taken": True, "skipped": [], "durable": True}])
                peer = self.made.peer(NOBODY)
                self.assertEqual((peer["origin"], peer["static"], peer["connected"]), (origin, False, "NotConnected"))
                self.assertEqual(peer["addresses"][0]["source"], source)
        self.made.kill()
        self.made.start()
        self.assertEqual(self.made.peer(NOBODY)["origin"], "PeerExchange")

    def choose_relay_peers(self):
        """As the default is: only then it matters who told of whom."""
        del self.made.options["relay_outbound"]
        self.made.terminate()
        self.made.start()
        self.other.connect(self.made.address)
        self.made.wait_connected(self.other.id)

    def test_nobody_listens_to_the_discouraged(self):
        self.choose_relay_peers()
        found = {"multiaddr": NOBODYS_ADDRESS, "source": "peer_exchange", "toldBy": self.other.id}
        self.made.ask("POST", f"/admin/v1/peer/{self.other.id}/score", {"score": -1000})
        self.assertEqual(self.tell(found), [{"multiaddr": NOBODYS_ADDRESS, "taken": False, "skipped": ["discouraged"]}])
        self.assertNotIn(NOBODY, self.made.peers())
        self.assertEqual(self.made.metrics()['wakupeers_intake_left_out_total{rule="discouraged"}'], 1)
        self.made.ask("POST", f"/admin/v1/peer/{self.other.id}/score", {"score": 0})
        self.assertTrue(self.tell(found)[0]["taken"])

    def typed(self, code, *words):
        return self.expect(code, "peers", "discovered", *words, f"--data-dir={self.made.data_dir}")

    def test_as_a_person_types_it(self):
        self.choose_relay_peers()
        told = (NOBODYS_ADDRESS, "--source=peer_exchange", f"--told-by={self.other.id}")
        self.made.ask("POST", f"/admin/v1/peer/{self.other.id}/score", {"score": -1000})
        self.assertEqual(self.typed(1, *told).err, "wakupeers: left out: the teller's score is too low\n")
        left_out = json.loads(self.typed(1, *told, "--json").out)
        self.assertEqual(left_out, {"multiaddr": NOBODYS_ADDRESS, "taken": False, "skipped": ["discouraged"]})
        self.assertNotIn(NOBODY, self.made.peers())
        self.made.ask("POST", f"/admin/v1/peer/{self.other.id}/score", {"score": 0})
        done = self.typed(0, *told)
        self.assertEqual((done.out, done.err), ("taken in\n", ""))
        self.assertEqual(self.made.peer(NOBODY)["origin"], "PeerExchange")
        self.assertTrue(json.loads(self.typed(0, *told, "--json").out)["durable"])

    def test_what_nobody_told(self):
        self.assertEqual(self.typed(0, NOBODYS_ADDRESS, "--source=dns").out, "taken in\n")
        self.assertEqual(self.made.peer(NOBODY)["origin"], "Dns")
        own = f"/ip4/192.0.2.1/tcp/1/p2p/{self.made.id}"
        self.assertIn("is this node itself", self.typed(1, own, "--source=dns").err)

    def test_usage(self):
        for words, says in (((NOBODYS_ADDRESS,), "takes --source: peer_exchange, discv5 or dns"),
                            ((NOBODYS_ADDRESS, "--source=friends"), '"friends" is not valid'),
                            ((NOBODY, "--source=dns"), "discovered takes a multiaddr such as"),
                            (("--source=dns",), "peers discovered takes a multiaddr"),
                            ((NOBODYS_ADDRESS, "--source=dns", "--told-by=me"), '"me"'),
                            ((NOBODYS_ADDRESS, "--source=dns", "--for=1h"), "takes no --for")):
            with self.subTest(words):
                self.assertIn(says, self.typed(2, *words).err)

    def test_who_tells_of_dead_addresses_is_blamed(self):
        self.choose_relay_peers()
        self.assertEqual(self.score_of_teller(), 0)
        told = [{"multiaddr": f"/ip4/127.0.0.1/tcp/1/p2p/{each}", "source": "peer_exchange", "toldBy": self.other.id}
                for each in api.many_ids(16)]
        self.assertTrue(all(each["taken"] for each in self.tell(*told)))
        self.made.until(lambda: self.score_of_teller() < 0, "blames nobody")

    def test_what_is_wrong(self):
        for found, says in (({}, "multiaddr takes"), (7, "multiaddr takes"),
                            ({"multiaddr": NOBODYS_ADDRESS}, "source takes"),
                            ({"multiaddr": NOBODYS_ADDRESS, "source": "person"}, "source takes"),
                            ({"multiaddr": NOBODYS_ADDRESS, "source": "dns", "toldBy": 7}, "toldBy takes"),
                            ({"multiaddr": NOBODYS_ADDRESS, "source": "dns", "toldBy": "nobody"}, "nobody"),
                            ({"multiaddr": "/ip4/192.0.2.1/tcp/1", "source": "dns"}, "names no peer"),
                            ({"multiaddr": self.made.address, "source": "dns"}, "this node itself")):
            with self.subTest(found):
                (result,) = self.tell(found)
                self.assertEqual(set(result), {"multiaddr", "taken", "skipped"})
                self.assertFalse(result["taken"])
                self.assertIn(says, result["skipped"][0])
        self.assertEqual(set(self.made.peers()), {self.other.id})
        for body in ("{}", "[", "7"):
            status, _, text = api.http_call(self.made.netloc, "POST", PATH, body, {"Content-Type": "application/json"})
            self.assertEqual(status, 400)
            self.assertTrue(text.startswith("Failed to decode request: "), text)


if __name__ == "__main__":
    api.main()

"""Bans and protections, as a user types them; what was answered outlasts a killed daemon."""

import json
import time

import api
from api import NOBODY, ApiTest

JSON = {"Content-Type": "application/json"}


class Judge(ApiTest):
    def setUp(self):
        super().setUp()
        self.made, self.other = self.daemon(), self.daemon()
        self.made.connect(self.other.address)
        self.made.wait_connected(self.other.id)

    def peers(self, code, *words):
        return self.expect(code, "peers", *words, f"--data-dir={self.made.data_dir}")

    def post(self, verb, body="{}", peer=None):
        return api.http_call(self.made.netloc, "POST", f"/admin/v1/peer/{peer or self.other.id}/{verb}", body, JSON)

    def banned(self):
        return self.made.peer(self.other.id)["banned"]

    def test_a_ban_ends_refuses_and_outlasts_a_crash(self):
        self.assertEqual(self.peers(0, "ban", self.other.id).out, "banned\n")
        self.made.wait_peer(self.other.id, lambda peer: peer["connected"] == "CanConnect", "disconnected")
        self.assertEqual(self.made.peer(self.other.id)["reason"], "banned")
        self.made.kill()
        self.made.start()
        self.assertTrue(self.banned())
        self.assertEqual(self.made.peer(self.other.id)["heldBackBy"], "ban")
        status, _, _ = api.http_call(self.other.netloc, "POST", "/admin/v1/peers", f'["{self.made.address}"]', JSON)
        self.assertNotEqual(self.made.peer(self.other.id)["connected"], "Connected", status)
        self.assertEqual(self.peers(0, "unban", self.other.id).out, "not banned\n")
        self.assertFalse(self.banned())

    def test_for_a_time(self):
        self.peers(0, "ban", self.other.id, "--for=12h")
        peer = self.made.peer(self.other.id)
        self.assertTrue(peer["banned"])
        self.assertIsNotNone(peer["bannedUntil"])

    def test_whom_nobody_knows(self):
        self.assertIn("not found", self.peers(1, "unban", NOBODY).err)
        self.assertEqual(self.peers(0, "ban", NOBODY, "--json").out, '{"result": "banned"}\n')
        self.assertTrue(self.made.peer(NOBODY)["banned"])

    def test_who_is_judged_must_be_known(self):
        """A tag and a score are of a peer that is held; the answer says how it comes to be."""
        for verb, body in (("protect", "{}"), ("score", '{"score": 1}')):
            status, _, text = self.post(verb, body, peer=NOBODY)
            self.assertEqual((status, text), (404, f"Peer with ID {NOBODY} not found; add it first: wakupeers peers "
                                                   "add MULTIADDR, or POST /admin/v1/peers"))
            status, _, text = self.post(verb, body, peer=self.made.id)
            self.assertEqual((status, text), (400, "Invalid argument: it is this node itself"))
        done = self.peers(1, "protect", NOBODY)
        self.assertEqual(done.out, "")
        self.assertIn(f"Peer with ID {NOBODY} not found; add it first: wakupeers peers add MULTIADDR", done.err)
        self.assertNotIn(NOBODY, self.made.peers())
        self.peers(1, "add", api.NOBODYS_ADDRESS)  # It is kept, though nobody answers.
        self.assertEqual(self.peers(0, "protect", NOBODY).out, "protected\n")

    def ranges(self):
        status, _, text = api.http_call(self.made.netloc, "GET", "/admin/v1/ranges/banned")
        self.assertEqual(status, 200)
        return {each["range"]: each["bannedUntil"] for each in json.loads(text)}

    def test_a_range_is_banned_and_outlasts_a_crash(self):
        self.assertEqual(self.peers(0, "ban", "127.1.2.3/8").out, "banned\n")
        self.made.wait_peer(self.other.id, lambda peer: peer["connected"] == "CanConnect", "disconnected")
        self.assertEqual(self.made.peer(self.other.id)["reason"], "range_banned")
        self.made.kill()
        self.made.start()
        self.assertEqual(self.ranges(), {"127.0.0.0/8": None})
        self.assertEqual(self.made.peer(self.other.id)["heldBackBy"], "ban")
        self.assertFalse(self.made.peer(self.other.id)["banned"])
        status, _, _ = api.http_call(self.other.netloc, "POST", "/admin/v1/peers", f'["{self.made.address}"]', JSON)
        self.assertEqual(status, 400)
        self.assertRegex(api.http_call(self.made.metrics_netloc(), "GET", "/metrics")[2],
                         r'wakupeers_inbound_limited_total\{rule="ban"\} [1-9]')
        self.assertRegex(self.peers(0, "ranges").out, r"RANGE +BANNED UNTIL\n127\.0\.0\.0/8 +for good")
        self.assertEqual(self.peers(0, "unban", "127.0.0.0/8").out, "not banned\n")
        self.assertEqual(self.ranges(), {})
        self.made.wait_connected(self.other.id)

    def test_a_person_connects_to_a_banned_range(self):
        self.peers(0, "ban", "127.0.0.0/8")
        self.assertEqual(self.peers(0, "connect", self.other.id).out, "connected\n")

    def test_a_range_for_a_time(self):
        self.peers(0, "ban", "2001:DB8::1/32", "--for=12h", "--json")
        self.assertIsNotNone(self.ranges()["2001:db8::/32"])
        self.assertRegex(self.peers(0, "ranges").out, "in 1[12]h")
        shown = json.loads(self.peers(0, "ranges", "--json").out)
        self.assertEqual([each["range"] for each in shown], ["2001:db8::/32"])
        self.assertIn("is not banned", self.peers(1, "unban", "2001:db8::/33").err)
        info = json.loads(self.expect(0, "db", "info", "--json", f"--data-dir={self.made.data_dir}").out)
        self.assertEqual(info["bannedRanges"], 1)
        done = self.expect(0, "db", "export", f"--data-dir={self.made.data_dir}")
        self.assertIn("left out: 1 bans of ranges", done.err)
        self.assertEqual([json.loads(line)["peerId"] for line in done.out.splitlines()], [self.other.id])

    def test_what_is_no_range(self):
        for verb, body, says in (("ban", "{}", "range takes"), ("ban", '{"range": 7}', "range takes"),
                                 ("ban", '{"range": "10.0.0.0/33"}', "range takes"), ("ban", "[]", "must be an object"),
                                 ("ban", '{"range": "10.0.0.0/8", "forMs": 0}', "forMs takes"),
                                 ("unban", '{"range": "example.org"}', "range takes")):
            status, _, text = api.http_call(self.made.netloc, "POST", f"/admin/v1/ranges/{verb}", body, JSON)
            self.assertEqual(status, 400, (verb, body))
            self.assertIn(says, text)
        self.assertEqual(self.ranges(), {})

    def test_protection_has_owners(self):
        tags = lambda: {tag["name"]: tag["protects"] for tag in self.made.peer(self.other.id)["tags"]}
        self.assertEqual(self.peers(0, "protect", self.other.id).out, "protected\n")
        self.peers(0, "protect", self.other.id, "--tag=mesh")
        self.made.kill()
        self.made.start()
        self.assertEqual(tags(), {"person": True, "mesh": True})
        self.peers(0, "unprotect", self.other.id)
        self.assertEqual(tags(), {"mesh": True})
        done = self.peers(1, "unprotect", self.other.id)
        self.assertEqual(done.err, f'wakupeers: Peer with ID {self.other.id} has no tag "person"\n')
        self.assertEqual(self.peers(1, "unprotect", NOBODY).err, f"wakupeers: Peer with ID {NOBODY} not found\n")

    def test_protection_for_a_time(self):
        self.peers(0, "protect", self.other.id, "--for=2h", "--tag=mesh")
        self.made.kill()
        self.made.start()
        (tag,) = self.made.peer(self.other.id)["tags"]
        self.assertAlmostEqual(tag["expires"] / 1000, time.time() + 7200, delta=60)
        self.assertIsNone(tag["halfLifeMs"])
        self.assertRegex(self.peers(0, "show", self.other.id).out, r"mesh, value 0, protects true, expires in (2h|1h)\n")
        self.peers(0, "protect", self.other.id, "--tag=mesh")
        self.assertIsNone(self.made.peer(self.other.id)["tags"][0]["expires"])
        line = json.dumps({"peerId": NOBODY, "tags": [{"name": "old", "expiresNs": 5}, {
            "name": "new", "value": 9, "expiresNs": 2**62, "halfLifeNs": 10**15}]})
        status, _, _ = api.http_call(self.made.netloc, "POST", "/admin/v1/peers/import", f"[{line}]", JSON)
        self.assertEqual(status, 200)
        (tag,) = self.made.peer(NOBODY)["tags"]
        self.assertEqual((tag["name"], tag["value"], tag["halfLifeMs"]), ("new", 9, 10**9))

    def test_a_score_is_set_added_to_and_kept(self):
        self.assertEqual(self.post("score", '{"score": 40}')[::2], (200, "OK"))
        self.assertEqual(self.post("score", '{"add": -150}')[::2], (200, "OK"))
        self.assertEqual(self.made.peer(self.other.id)["score"], -110)
        self.made.kill()
        self.made.start()
        self.assertEqual(self.made.peer(self.other.id)["score"], -110)
        for body in ("{}", '{"score": 1, "add": 1}', '{"add": 1.5}', '{"score": 3000000000}'):
            status, _, text = self.post("score", body)
            self.assertEqual(status, 400, body)
            self.assertIn("it takes either score or add", text)
        self.assertEqual(self.post("score", '{"add": 1}', NOBODY)[0], 404)

    def test_what_it_takes(self):
        for verb, body, says in (("ban", '{"forMs": 0}', "forMs takes"), ("ban", '{"forMs": "1h"}', "forMs takes"),
                                 ("ban", "[]", "it must be an object"), ("ban", "{", "Failed to decode"),
                                 ("protect", '{"tag": 1}', "tag takes a string"), ("protect", '{"forMs": -1}', "forMs takes"), ("protect", '{"tag": ""}', "no name")):
            status, _, text = self.post(verb, body)
            self.assertEqual(status, 400, (verb, body))
            self.assertIn(says, text)
        self.assertEqual(self.post("ban", peer=self.made.id)[0], 400)
        self.assertEqual(self.post("ban", peer="nobody")[0], 400)
        self.assertIn("peers ban takes a peer id", self.peers(2, "ban").err)


if __name__ == "__main__":
    api.main()

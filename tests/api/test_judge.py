"""Bans and protections, as a user types them; what was answered outlasts a killed daemon."""

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
        self.assertIn("not found", self.peers(1, "protect", self.made.id).err)

    def test_protection_has_owners(self):
        tags = lambda: {tag["name"]: tag["protects"] for tag in self.made.peer(self.other.id)["tags"]}
        self.assertEqual(self.peers(0, "protect", self.other.id).out, "protected\n")
        self.peers(0, "protect", self.other.id, "--tag=mesh")
        self.made.kill()
        self.made.start()
        self.assertEqual(tags(), {"person": True, "mesh": True})
        self.peers(0, "unprotect", self.other.id)
        self.assertEqual(tags(), {"mesh": True})
        self.assertIn("not found", self.peers(1, "unprotect", self.other.id).err)

    def test_what_it_takes(self):
        for verb, body, says in (("ban", '{"forMs": 0}', "forMs takes"), ("ban", '{"forMs": "1h"}', "forMs takes"),
                                 ("ban", "[]", "it must be an object"), ("ban", "{", "Failed to decode"),
                                 ("protect", '{"tag": 1}', "tag takes a string"), ("protect", '{"tag": ""}', "no name")):
            status, _, text = self.post(verb, body)
            self.assertEqual(status, 400, (verb, body))
            self.assertIn(says, text)
        self.assertEqual(self.post("ban", peer=self.made.id)[0], 400)
        self.assertEqual(self.post("ban", peer="nobody")[0], 400)
        self.assertIn("peers ban takes a peer id", self.peers(2, "ban").err)


if __name__ == "__main__":
    api.main()

"""Limits on inbound connections: loopback is exempt, unless --inbound-allow names other ranges."""

import api
from api import ApiTest, wait_for

LIMITED = {"inbound_allow": "192.0.2.0/24"}


class Inbound(ApiTest):
    def limited(self, made, rule):
        return made.metrics()[f'wakupeers_inbound_limited_total{{rule="{rule}"}}']

    def test_one_address_has_so_many(self):
        made = self.daemon(inbound_per_ip=1, **LIMITED)
        other = self.daemon(staticnode=made.address)
        wait_for(lambda: made.metrics()["wakupeers_connections"] == 1, "the first to be connected")
        self.assertEqual(self.run_program("ping", "-c1", made.address).code, 1)
        self.assertGreaterEqual(self.limited(made, "per_ip"), 1)
        self.assertEqual(made.metrics()["wakupeers_connections"], 1)
        other.kill()
        wait_for(lambda: made.metrics()["wakupeers_connections"] == 0, "it to be gone")
        self.expect(0, "ping", "-c1", made.address)

    def test_attempts_are_paced(self):
        made = self.daemon(**LIMITED)
        wait_for(lambda: self.run_program("ping", "-c0", made.address).code != 0, "one to be refused")
        self.assertGreaterEqual(self.limited(made, "pace"), 1)
        wait_for(lambda: self.run_program("ping", "-c0", made.address).code == 0, "one to be admitted again")

    def test_loopback_is_exempt(self):
        made = self.daemon(inbound_per_ip=1)
        self.daemon(staticnode=made.address)
        wait_for(lambda: made.metrics()["wakupeers_connections"] == 1, "the first to be connected")
        for _ in range(20):
            self.expect(0, "ping", "-c0", made.address)
        for rule in ("per_ip", "per_network", "pace", "ban"):
            self.assertEqual(self.limited(made, rule), 0)

    def test_who_finds_no_place_is_told_apart(self):
        holds = self.daemon()
        made = self.daemon(max_connections=1, staticnode=holds.address)
        made.wait_connected(holds.id)
        other = self.daemon(staticnode=made.address)
        ended = 'wakupeers_connections_ended_total{reason="%s"}'
        wait_for(lambda: made.metrics().get(ended % "no_place", 0) >= 1, "one to be refused")
        self.assertNotIn(ended % "local_close", made.metrics())
        # Nothing else is known of it.
        self.assertEqual(set(made.peers()), {holds.id})
        refused = {(each["peerId"], each["reason"], each["direction"])
                   for each in made.ask("GET", "/admin/v1/history") if each["event"] == "refused"}
        self.assertEqual(refused, {(other.id, "no_place", "inbound")})

    def test_what_it_takes(self):
        for bad in ("10.0.0.0/33", "10.0.0/8", "example.org", "::/129"):
            done = self.expect(2, "run", f"--inbound-allow={bad}")
            self.assertIn(f'--inbound-allow: "{bad}" is no range of IP addresses; it takes one such as', done.err)


if __name__ == "__main__":
    api.main()

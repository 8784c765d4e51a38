"""Two daemons: what each knows of the other across stop, SIGKILL and restart of either."""

import contextlib
import sqlite3
import time

import api
from api import NOBODY, NOBODYS_ADDRESS, PATIENCE, ApiTest

KEPT = ("multiaddr", "protocols", "shards", "agent", "origin", "peerId", "protocolVersion", "clusterId", "static",
        "heldOff")
# Redials come soon, so that a test need not wait.
EAGER = {"reconnect_min": "50ms", "reconnect_max": "200ms", "backoff_slack": "0s", "prune_backoff": "0s"}


def now_ms():
    return time.time() * 1000


class Restart(ApiTest):
    def setUp(self):
        super().setUp()
        self.made, self.other = self.daemon(**EAGER), self.daemon(**EAGER)
        self.made.connect(self.other.address)
        self.known = self.made.wait_peer(
            self.other.id, lambda peer: peer["protocols"] and peer["clusterId"] == 1, "fully known")

    def until_stored(self, peer_id, condition, what):
        """Waits until a peer of the made daemon satisfies a condition, and all changes so far are durable:
        the oldest that is not is younger than that."""
        self.made.wait_peer(peer_id, condition, what)
        since = time.monotonic()
        api.wait_for(lambda: (time.monotonic() - since) * 1000 >
                     self.made.metrics()["wakupeers_storage_lag_milliseconds"] + 1, "all is durable")

    def check_kept(self):
        peer = self.made.peer(self.other.id)
        self.assertEqual({name: peer[name] for name in KEPT}, {name: self.known[name] for name in KEPT})
        return peer

    def test_clean_stop(self):
        before, after = now_ms(), None
        self.made.terminate()
        after = now_ms()
        self.made.start()
        self.check_kept()
        peer = self.made.wait_state(self.other.id, "Connected")
        self.assertEqual(peer["reason"], "shutdown")
        self.assertTrue(before - 1 <= peer["disconnectTime"] <= after + 1, (before, peer["disconnectTime"], after))
        self.assertGreater(peer["connectedTime"], peer["disconnectTime"])

    def test_killed(self):
        self.until_stored(self.other.id, lambda peer: peer["connected"] == "Connected" and peer["protocols"],
                          "the connection is stored")
        self.made.kill()
        killed = now_ms()
        self.made.start()
        self.check_kept()
        peer = self.made.wait_state(self.other.id, "Connected")
        self.assertEqual(peer["reason"], "crash")
        # The earlier of the last heartbeat + 5 s, and the start.
        self.assertTrue(killed - 2000 <= peer["disconnectTime"] <= now_ms(), (killed, peer["disconnectTime"]))

    def test_killed_again_and_again(self):
        for _ in range(5):
            self.made.kill()
            self.made.start()
            self.assertEqual(self.made.peer(self.other.id)["peerId"], self.other.id)
        self.made.wait_state(self.other.id, "Connected")
        self.assertNotIn("error", self.made.log())
        with contextlib.closing(sqlite3.connect(self.made.data_dir / "peers.db")) as link:
            self.assertEqual(link.execute("PRAGMA integrity_check").fetchall(), [("ok",)])

    def test_the_other_stops(self):
        self.other.terminate()
        peer = self.made.wait_peer(self.other.id, lambda each: each["reason"] == "refused", "refused")
        self.assertEqual(peer["connected"], "CannotConnect")
        self.assertIn(f"{self.other.id}: CanConnect, go_away", self.made.log())
        self.assertGreater(peer["failures"], 0)
        self.other.start()
        peer = self.made.wait_state(self.other.id, "Connected")
        self.check_kept()

    def test_the_other_is_killed(self):
        self.other.kill()
        peer = self.made.wait_peer(self.other.id, lambda each: each["reason"] == "refused", "refused")
        self.assertEqual(peer["connected"], "CannotConnect")
        self.assertRegex(self.made.log(), f"{self.other.id}: (CanConnect, eof|CanConnect, reset)")
        self.other.start()
        self.made.wait_state(self.other.id, "Connected")

    def test_held_off_by_a_person(self):
        self.made.ask("POST", f"/admin/v1/peer/{self.other.id}/disconnect", {})
        for end in (self.made.terminate, self.made.kill):
            self.until_stored(self.other.id, lambda peer: peer["heldOff"], "the wish is stored")
            end()
            self.made.start()
            peer = self.made.peer(self.other.id)
            self.assertEqual((peer["connected"], peer["heldOff"], peer["heldBackBy"]), ("CanConnect", True, "person"))
        # It is refused when it dials, too.
        self.other.request("POST", "/admin/v1/peers", [self.made.address])
        self.other.wait_peer(self.made.id, lambda peer: peer["connected"] == "CanConnect", "refused by us")
        self.assertNotEqual(self.made.peer(self.other.id)["connected"], "Connected")
        # Until a person connects it; and that holds over restarts.
        self.assertEqual(self.made.ask("POST", f"/admin/v1/peer/{self.other.id}/connect", {}), "OK")
        self.made.wait_state(self.other.id, "Connected")
        self.made.terminate()
        self.made.start()
        self.assertFalse(self.made.wait_state(self.other.id, "Connected")["heldOff"])

    def test_removed(self):
        self.made.request("POST", "/admin/v1/peers", [NOBODYS_ADDRESS])
        self.assertEqual(self.made.ask("DELETE", f"/admin/v1/peer/{NOBODY}"), "OK")
        self.made.terminate()
        self.made.start()
        self.assertEqual(set(self.made.peers()), {self.other.id})

    def test_one_that_was_never_reached(self):
        self.made.request("POST", "/admin/v1/peers", [NOBODYS_ADDRESS])
        for end in (self.made.terminate, self.made.kill):
            self.until_stored(NOBODY, lambda peer: peer["failures"] > 0, "it is stored")
            end()
            self.made.start()
            peer = self.made.peer(NOBODY)
            self.assertEqual((peer["connected"], peer["static"]), ("CannotConnect", True))
            # A dial that was under way when we were killed might have led to a connection.
            if end == self.made.terminate or peer["reason"] != "crash":
                self.assertIsNone(peer["disconnectTime"], peer)
            self.assertEqual([each["address"] for each in peer["addresses"]], ["/ip4/127.0.0.1/tcp/1"])

    def test_a_static_node(self):
        third = self.daemon(staticnode=self.made.address, **EAGER)
        third.wait_state(self.made.id, "Connected")
        self.made.kill()
        third.wait_peer(self.made.id, lambda peer: peer["connected"] == "CannotConnect", "CannotConnect")
        self.made.start()
        third.wait_state(self.made.id, "Connected")
        third.terminate()
        third.start()
        peer = third.wait_state(self.made.id, "Connected")
        self.assertEqual((peer["static"], peer["addresses"][0]["source"]), (True, "config"))


if __name__ == "__main__":
    api.main()

#!/usr/bin/python3
"""What a user sees first: a static js-waku relay node, held with keep-alive."""

import time

import harness
from harness import RELAY

WITHIN = 2.0
INTERVAL = 1.0
PINGS = 10


class HoldsAWakuNode(harness.InteropTest):
    def test_connected_in_two_seconds_and_kept_alive(self):
        waku = self.peer("js-waku")
        node = self.daemon(staticnode=waku.address, idle_timeout=f"{2 * INTERVAL:.0f}s")
        seen = node.wait_connected(waku.id, timeout=WITHIN)
        self.assertIn(RELAY, seen["protocols"])
        self.assertIn("/vac/waku/metadata/1.0.0", seen["protocols"])
        self.assertEqual(seen["multiaddr"], waku.address)
        last = waku.hosts[0].wait("ping_received", peer=node.id, count=PINGS, timeout=3 * PINGS * INTERVAL)
        self.assertEqual(node.peer(waku.id)["connected"], "Connected")
        self.assertEqual(waku.events("disconnected"), [])
        self.assertEqual(len(waku.events("connected")), 1)
        pings = [event["t"] for event in waku.events("ping_received", peer=node.id)]
        connected = waku.events("connected")[0]["t"]
        gaps = [after - before for before, after in zip([connected, *pings], pings)]
        self.assertLessEqual(max(gaps), INTERVAL * 1000 + 250, "silent for longer than the interval")
        self.assertGreater(last["t"], connected)
        self.assertLess(last["t"], time.monotonic() * 1000)


if __name__ == "__main__":
    harness.main()

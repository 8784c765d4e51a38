#!/usr/bin/python3
"""What a user sees first: a static js-waku relay node, held with keep-alive."""

import harness
from harness import RELAY

WITHIN = 2.0
INTERVAL = 1.0
PINGS = 11

# The interval is shortened by a tenth at most, and counts from the answer, not from the ping.
JITTER = 0.1
ON_THE_WAY = 0.25


class HoldsAWakuNode(harness.InteropTest):
    def test_connected_in_two_seconds_and_kept_alive(self):
        waku = self.peer("js-waku")
        node = self.daemon(staticnode=waku.address, idle_timeout=f"{2 * INTERVAL:.0f}s")
        seen = node.wait_connected(waku.id, timeout=WITHIN)
        self.assertIn(RELAY, seen["protocols"])
        self.assertIn("/vac/waku/metadata/1.0.0", seen["protocols"])
        self.assertEqual(seen["multiaddr"], waku.address)

        waku.wait("ping_received", peer=node.id, count=PINGS, timeout=3 * PINGS * INTERVAL)
        self.assertEqual(node.peer(waku.id)["connected"], "Connected")
        self.assertEqual(waku.events("disconnected"), [])
        (connected,) = waku.events("connected")
        times = [connected["t"], *(event["t"] for event in waku.events("ping_received", peer=node.id))]
        gaps = [(after - before) / 1000 for before, after in zip(times, times[1:])]
        self.assertLessEqual(max(gaps), INTERVAL + ON_THE_WAY, "silent for longer than the interval")
        # js-waku's responder takes one ping a stream: the first that comes on a stream which it
        # answered before is sent once more, and from then on each has a stream of its own.
        soon = [gap for gap in gaps if gap < INTERVAL * (1 - JITTER)]
        self.assertLessEqual(len(soon), 1, "pinged more often than the interval asks for")


if __name__ == "__main__":
    harness.main()

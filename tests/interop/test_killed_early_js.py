#!/usr/bin/python3
"""A daemon that is killed within milliseconds of a connection's coming up still waits for the
peer's backoff: the dial was written ahead. The peer's own record says when we knocked."""

import threading

import harness
from harness import relay_host

BACKOFF = 2.0
ROUNDS = 6


class KilledEarly(harness.InteropTest):
    def connect(self, node, host):
        """Asks for a connection beside the test; the answer may never come."""
        def ask():
            try:
                node.request("POST", "/admin/v1/peers", [host.address])
            except OSError:
                pass
        asking = threading.Thread(target=ask)
        asking.start()
        self.addCleanup(asking.join)

    def test_a_connection_of_milliseconds_is_followed_by_its_backoff(self):
        made = self.peer("js-libp2p", [relay_host() for _ in range(ROUNDS)])
        for number, host in enumerate(made.hosts):
            node = self.daemon(prune_backoff=f"{BACKOFF}s", backoff_slack="0s", reconnect_min="100ms")
            mark = made.mark()
            self.connect(node, host)
            # The first sign of a connection in even rounds, the whole connection in odd ones.
            host.wait("tcp_accept" if number % 2 == 0 else "connected", since=mark)
            killed = node.kill()
            mark = made.mark()
            node.start()
            again = host.wait("tcp_accept", since=mark)
            self.assertGreaterEqual(again["t"], killed + BACKOFF * 1000, f"round {number}: dialled before the backoff was over")
            node.wait_connected(host.id)


if __name__ == "__main__":
    harness.main()

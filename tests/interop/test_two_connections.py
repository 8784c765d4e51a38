#!/usr/bin/python3
"""More than one connection with one peer: two daemons that dial each other at once, and a peer
that comes back while its old connection looks alive."""

import threading
import time

import harness
from daemon import POLL, DaemonError
from harness import relay_host
from proxy import Proxy

PAIRS, ROUNDS = 10, 10


class TwoDaemons:
    """Two daemons that know of each other and connect only when they are told to."""

    def __init__(self, workshop):
        self.sides = [workshop.daemon(prune_backoff="60m", reconnect_min="60m", reconnect_max="60m") for _ in range(2)]
        self.raced = 0

    def dial_at_once(self):
        barrier = threading.Barrier(2)
        failures = []

        def connect(near, far):
            barrier.wait()
            try:
                near.connect(far.address)
            except DaemonError as error:
                failures.append(error)

        threads = [threading.Thread(target=connect, args=pair) for pair in (self.sides, self.sides[::-1])]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if failures:
            raise failures[0]

    def connections(self):
        """Each side's connections with the other."""
        one, other = self.sides
        return [[(each["local"], each["remote"]) for each in near.peer(far.id)["connections"]]
                for near, far in ((one, other), (other, one))]

    def settled(self):
        """Waits until both sides have one and the same connection. Counts the rounds in which
        there were two: both of one side, or one of each side's own."""
        two, deadline = False, time.monotonic() + 10
        while True:
            mine, theirs = self.connections()
            if len(mine) == len(theirs) == 1 and mine[0] == theirs[0][::-1]:
                self.raced += two
                return
            two = two or len(mine) > 1 or len(theirs) > 1 or (len(mine) == len(theirs) == 1)
            if time.monotonic() > deadline:
                raise AssertionError(f"not the same one connection on both sides: {mine}, {theirs}")
            time.sleep(POLL)

    def disconnect(self):
        one, other = self.sides
        one.ask("POST", f"/admin/v1/peer/{other.id}/disconnect", {})
        for near, far in ((one, other), (other, one)):
            near.wait_peer(far.id, lambda peer: peer["connected"] != "Connected", "ended")


def play(pair, problems):
    try:
        for _ in range(ROUNDS):
            pair.dial_at_once()
            pair.settled()
            pair.disconnect()
    except Exception as problem:  # pylint: disable=broad-except  # Reported by the test's thread.
        problems.append(problem)


class TwoConnections(harness.InteropTest):
    def test_two_daemons_dial_each_other_at_once(self):
        pairs, problems = [TwoDaemons(self.workshop) for _ in range(PAIRS)], []
        threads = [threading.Thread(target=play, args=(pair, problems)) for pair in pairs]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if problems:
            raise problems[0]
        raced = sum(pair.raced for pair in pairs)
        print(f"{PAIRS * ROUNDS} simultaneous dials, {raced} of them with two connections for a moment", flush=True)
        self.assertGreater(raced, 0, "no dial was simultaneous: this test has shown nothing")

    def half_open(self, node, peer):
        """The peer's only connection goes silent, its process dies, and it comes back."""
        (old,) = node.wait_connected(peer.id)["connections"]
        # After a whole interval of silence the time in which two connections race is over.
        peer.wait("ping_received", peer=node.id)
        self.proxy.blackhole()
        peer.kill()
        again = self.peer(peer.kind, peer.again())
        self.assertEqual(node.peer(peer.id)["connected"], "Connected", "the daemon cannot know yet")
        again.call("dial", addr=node.address)
        again.call("ping", peer=node.id)
        seen = node.wait_peer(peer.id, lambda each: [one["remote"] for one in each["connections"]] != [old["remote"]]
                              and len(each["connections"]) == 1, "with its new connection alone")
        self.assertEqual(seen["connected"], "Connected")
        self.assertEqual(seen["connections"][0]["direction"], "inbound")
        self.assertEqual(seen["failures"], 0)
        again.call("ping", peer=node.id)
        self.assertEqual(again.events("disconnected"), [])

    def node(self, **options):
        return self.daemon(idle_timeout="4s", ping_timeout="1s", dial_timeout="1s", **options)

    def through_proxy(self, port):
        self.proxy = Proxy(port)
        self.addCleanup(self.proxy.close)
        return f"/ip4/127.0.0.1/tcp/{self.proxy.port}"

    def check_peer_that_dialled(self, kind):
        peer = self.peer(kind, [relay_host()])
        node = self.node()
        place = self.through_proxy(node.address.split("/")[4])
        peer.call("dial", addr=f"{place}/p2p/{node.id}")
        self.half_open(node, peer)

    def check_peer_that_was_dialled(self, kind):
        peer = self.peer(kind, [relay_host()])
        place = self.through_proxy(peer.hosts[0].port)
        node = self.node(staticnode=f"{place}/p2p/{peer.id}")
        self.half_open(node, peer)

    def test_js_peer_that_dialled_leaves_a_half_open_connection(self):
        self.check_peer_that_dialled("js-libp2p")

    def test_js_peer_that_was_dialled_leaves_a_half_open_connection(self):
        self.check_peer_that_was_dialled("js-libp2p")

    def test_go_peer_that_dialled_leaves_a_half_open_connection(self):
        self.check_peer_that_dialled("go-libp2p")

    def test_an_older_connection_that_is_alive_stays(self):
        peer = self.peer("js-libp2p", [relay_host()])
        node = self.node(staticnode=peer.address)
        (old,) = node.wait_connected(peer.id)["connections"]
        peer.wait("ping_received", peer=node.id)
        # The same identity a second time, as a copied key would be: it is the newcomer that goes.
        twin = self.peer("js-libp2p", [{**peer.again()[0], "listen": "/ip4/127.0.0.1/tcp/0"}])
        twin.call("dial", addr=node.address)
        twin.wait("disconnected", peer=node.id)
        seen = node.wait_peer(peer.id, lambda each: len(each["connections"]) == 1, "with one connection")
        self.assertEqual((seen["connected"], seen["connections"]), ("Connected", [old]))
        self.assertEqual(peer.events("disconnected"), [])


if __name__ == "__main__":
    harness.main()

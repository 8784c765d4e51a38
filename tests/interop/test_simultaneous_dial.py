#!/usr/bin/python3
"""Two daemons that dial each other at once: one connection stays, the same one on both sides."""

import threading
import time

import harness
from daemon import POLL, DaemonError

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


class SimultaneousDial(harness.InteropTest):
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


if __name__ == "__main__":
    harness.main()

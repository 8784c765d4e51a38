#!/usr/bin/python3
"""Two daemons that dial each other at once: one connection stays, the same one on both sides, and
where both came up it is the one dialled by the peer with the smaller binary id."""

import threading
import time

import harness
from daemon import POLL, DaemonError

PAIRS, ROUNDS = 10, 10
BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


def binary(peer_id):
    """The bytes of a peer id, but for zeros in front, which all of these ids have alike."""
    number = 0
    for character in peer_id:
        number = number * len(BASE58) + BASE58.index(character)
    return number.to_bytes((number.bit_length() + 7) // 8, "big")


def check_settling(before, after):
    """Of two connections of opposite direction, {side: what it shows of the other}."""
    smaller = min(before, key=binary)
    for side, peer in after.items():
        stayed = peer["connections"][0]["direction"]
        if stayed != ("outbound" if side == smaller else "inbound"):
            raise AssertionError(f"of two, the connection dialled by the larger id stayed: {after}")
        if any(peer[member] != before[side][member] for member in ("disconnectTime", "failures")):
            raise AssertionError(f"settling counts as a loss: {before[side]} before, {peer} after")


class TwoDaemons:
    """Two daemons that know of each other and connect only when they are told to."""

    def __init__(self, workshop):
        self.sides = [workshop.daemon(prune_backoff="60m", reconnect_min="60m", reconnect_max="60m") for _ in range(2)]
        self.raced = self.judged = 0

    def dial_at_once(self):
        barrier = threading.Barrier(2)
        failures = []

        def connect(near, far):
            barrier.wait()
            try:
                near.connect(far.address)
            except DaemonError as error:
                failures.append(error)

        threads = [threading.Thread(target=connect, args=pair) for pair in self.views()]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if failures:
            raise failures[0]

    def views(self):
        """(one side, the other) and (the other, the one)."""
        return self.sides, self.sides[::-1]

    def settled(self):
        """Waits until both sides have one and the same connection. Counts the rounds in which
        there were two (both of one side, or one of each side's own), and those in which each side
        had one that it dialled and one that the other did: there the smaller id has won, and
        neither side has lost the other."""
        two, held_both, deadline = False, {}, time.monotonic() + 10
        while True:
            seen = {near.id: near.peer(far.id) for near, far in self.views()}
            mine, theirs = [sorted((each["local"], each["remote"]) for each in peer["connections"])
                            for peer in seen.values()]
            if len(mine) == len(theirs) == 1 and mine[0] == theirs[0][::-1]:
                break
            two = two or len(mine) > 1 or len(theirs) > 1 or (len(mine) == len(theirs) == 1)
            for side, peer in seen.items():
                if len({each["direction"] for each in peer["connections"]}) == 2:
                    held_both.setdefault(side, peer)
            if time.monotonic() > deadline:
                raise AssertionError(f"not the same one connection on both sides: {mine}, {theirs}")
            time.sleep(POLL)
        self.raced += two
        if len(held_both) == 2:
            self.judged += 1
            check_settling(held_both, seen)

    def disconnect(self):
        one, other = self.sides
        one.ask("POST", f"/admin/v1/peer/{other.id}/disconnect", {})
        for near, far in self.views():
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
        raced, judged = sum(pair.raced for pair in pairs), sum(pair.judged for pair in pairs)
        print(f"{PAIRS * ROUNDS} simultaneous dials, {raced} of them with two connections for a moment, "
              f"{judged} with both on both sides", flush=True)
        self.assertGreater(judged, 0, "no two connections came up on both sides: this test has shown nothing")


if __name__ == "__main__":
    harness.main()

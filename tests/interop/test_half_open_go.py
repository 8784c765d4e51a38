#!/usr/bin/python3
"""go-libp2p peers that leave half-open connections."""

import harness
from half_open import HalfOpenTest


class GoHalfOpen(HalfOpenTest):
    def test_go_peer_that_dialled_leaves_a_half_open_connection(self):
        self.check_peer_that_dialled("go-libp2p")


if __name__ == "__main__":
    harness.main()

#!/usr/bin/python3
"""The instruments that are go-libp2p and go-waku peers."""

import harness
from instruments import InstrumentsTest


class GoInstruments(InstrumentsTest):
    def test_go_libp2p(self):
        self.check_kind("go-libp2p")

    def test_go_waku(self):
        self.check_kind("go-waku")

    def test_go_leaves_loopback_never(self):
        self.check_leaves_loopback_never("go-libp2p")


if __name__ == "__main__":
    harness.main()

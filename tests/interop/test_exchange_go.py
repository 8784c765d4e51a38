#!/usr/bin/python3
"""First contact with go-libp2p and go-waku peers."""

import harness
from exchange import Exchange
from groups import GoGroup


class GoExchange(GoGroup, Exchange, harness.InteropTest):
    pass


if __name__ == "__main__":
    harness.main()

#!/usr/bin/python3
"""Losing and getting back go-libp2p and go-waku peers."""

import harness
from lifecycle import Lifecycle
from groups import GoGroup


class GoLifecycle(GoGroup, Lifecycle, harness.InteropTest):
    pass


if __name__ == "__main__":
    harness.main()

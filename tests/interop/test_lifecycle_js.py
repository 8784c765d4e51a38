#!/usr/bin/python3
"""Losing and getting back js-libp2p and js-waku peers."""

import harness
from lifecycle import Lifecycle
from groups import JsGroup


class JsLifecycle(JsGroup, Lifecycle, harness.InteropTest):
    pass


if __name__ == "__main__":
    harness.main()

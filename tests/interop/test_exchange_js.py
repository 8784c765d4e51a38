#!/usr/bin/python3
"""First contact with js-libp2p and js-waku peers."""

import harness
from exchange import Exchange
from groups import JsGroup


class JsExchange(JsGroup, Exchange, harness.InteropTest):
    pass


if __name__ == "__main__":
    harness.main()

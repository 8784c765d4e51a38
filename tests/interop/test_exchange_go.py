#!/usr/bin/python3
"""First contact with go-libp2p and go-waku peers."""

import harness
from exchange import Exchange
from groups import GoGroup


class GoExchange(GoGroup, Exchange, harness.InteropTest):
    def test_addresses_in_the_signed_record_alone(self):
        """With so many protocols go-libp2p leaves its addresses out of identify."""
        many = [f"/wakupeers/interop/protocol-with-a-long-name/{i}/1.0.0" for i in range(130)]
        (host,) = self.peer("go-libp2p", [harness.relay_host(protocols=many)]).hosts
        node = self.node()
        host.call("dial", addr=node.address)
        self.check_contact(node, host, "inbound")


if __name__ == "__main__":
    harness.main()

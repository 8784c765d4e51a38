#!/usr/bin/python3
"""The instruments that are js-libp2p and js-waku peers, and the proxy."""

import harness
from instruments import InstrumentsTest
from peers import PeerError
from proxy import Proxy


class JsInstruments(InstrumentsTest):
    def test_js_libp2p(self):
        self.check_kind("js-libp2p")

    def test_js_waku(self):
        self.check_kind("js-waku")

    def test_many_hosts_of_one_process_are_told_apart(self):
        made = self.peer("js-libp2p", [{"keyType": key} for key in ("ed25519", "secp256k1", "rsa")])
        one, two, three = made.hosts
        one.call("dial", addr=three.address)
        three.wait("connected", peer=one.id)
        self.assertEqual(two.events("connected") + two.events("tcp_accept"), [])

    def test_a_proxy_goes_silent_unseen(self):
        near, far = self.peer("js-libp2p"), self.peer("js-libp2p")
        proxy = Proxy(far.hosts[0].port)
        self.addCleanup(proxy.close)
        near.call("dial", addr=f"/ip4/127.0.0.1/tcp/{proxy.port}/p2p/{far.id}")
        near.call("ping", peer=far.id)
        proxy.blackhole()
        with self.assertRaises(PeerError):
            near.call("ping", peer=far.id, timeout=1)
        self.assertEqual(near.events("disconnected") + far.events("disconnected"), [])

    def test_js_leaves_loopback_never(self):
        self.check_leaves_loopback_never("js-libp2p")


if __name__ == "__main__":
    harness.main()

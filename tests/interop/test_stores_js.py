#!/usr/bin/python3
"""The peer cache that js-waku wrote is imported. (That of newer versions, which keep `multiaddrs`, is
tests/data/js_waku_cache.json.)"""

import json

import daemon
import harness
from harness import InteropTest

CACHE = "waku:peers"
WEBSOCKET = "/dns4/node.example/tcp/443/wss"


class JsStores(InteropTest):
    def db(self, *words):
        code, out, err = daemon.run_cli("db", *words)
        self.assertEqual(code, 0, out + err)
        return out

    def test_import(self):
        storage = self.workshop.folder / "localStorage.json"
        # The cache of this version keeps the one address by which a browser reaches a peer.
        (other,) = self.peer("js-waku", [{"announce": [WEBSOCKET]}]).hosts
        (node,) = self.peer("js-waku", [{"cache": str(storage), "autoDial": False}]).hosts
        other.call("dial", addr=node.address)
        node.wait("identify", peer=other.id)
        node.peer.stop()
        cache = self.workshop.folder / "cache.json"
        cache.write_text(json.loads(storage.read_text())[CACHE])
        data = f"--data-dir={self.workshop.folder / 'data'}"
        self.assertEqual(self.db("import", data, cache), "imported 1, skipped 0\n")
        peer = json.loads(self.db("export", data))
        self.assertEqual((peer["peerId"], peer["multiaddrs"]), (other.id, [WEBSOCKET]))


if __name__ == "__main__":
    harness.main()

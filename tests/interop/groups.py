"""The peers of every kind × key × muxer, in few processes."""

from harness import relay_host

JS_KEYS = ("ed25519", "secp256k1", "rsa")
GO_KEYS = ("ed25519", "secp256k1", "ecdsa", "rsa")
MUXERS = ("yamux", "mplex")


def combinations(keys):
    return [relay_host(keyType=key, muxers=[muxer]) for key in keys for muxer in MUXERS]


class JsGroup:
    """js-libp2p with every key and muxer, js-waku relay nodes with every muxer. These would dial
    us by themselves at once when they lost us; here it is we who are to get them back."""

    @classmethod
    def setUpPeers(cls, workshop):
        cls.processes = [
            workshop.peer("js-libp2p", combinations(JS_KEYS)),
            *(workshop.peer("js-waku", [{"muxers": [muxer], "autoDial": False}]) for muxer in MUXERS),
        ]


class GoGroup:
    """go-libp2p with every key and muxer and with TLS offered first, and a go-waku relay node."""

    @classmethod
    def setUpPeers(cls, workshop):
        cls.processes = [
            workshop.peer("go-libp2p", [*combinations(GO_KEYS),
                                        relay_host(security=["tls", "noise"], muxers=["yamux", "mplex"])]),
            workshop.peer("go-waku", [{}]),
        ]


class Grouped:
    """For a test of a group: all its hosts."""

    def hosts(self):
        return [host for process in self.processes for host in process.hosts]

    def addresses(self):
        return [host.address for host in self.hosts()]

    def restart(self, process, workshop):
        """Starts a killed process again, with the same keys on the same ports."""
        again = workshop.peer(process.kind, process.again())
        self.processes[self.processes.index(process)] = again
        return again

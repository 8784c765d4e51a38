#!/usr/bin/env python3
"""Makes tests/data/captures: what real peers say to each other, byte for byte.

Each session is one connection through a TCP tap of this program. One side is a js-libp2p peer
whose Noise secrets and plaintext are recorded (js/libp2p/capture.mjs); the other is any peer.
Usage: capture.py DIRECTORY
"""

import base64
import select
import socket
import sys
import tempfile
import threading
from pathlib import Path

import peers

MULTISTREAM = b"\x13/multistream/1.0.0\n"
IDENTIFY, PUSH, METADATA = "/ipfs/id/1.0.0", "/ipfs/id/push/1.0.0", "/vac/waku/metadata/1.0.0"


class Tap:
    """Forwards one TCP connection to a port of 127.0.0.1 and keeps the bytes of both ways."""

    def __init__(self, port):
        self._target = ("127.0.0.1", port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.sent = {"dialer": b"", "listener": b""}
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        with self._listener, self._listener.accept()[0] as near, socket.create_connection(self._target) as far:
            ways = {near: ("dialer", far), far: ("listener", near)}
            while ways:
                for source in select.select(list(ways), [], [])[0]:
                    role, sink = ways[source]
                    try:
                        data = source.recv(65536)
                        self.sent[role] += data
                        if data:
                            sink.sendall(data)
                    except OSError:
                        data = b""
                    if not data:
                        del ways[source]
                        try:
                            sink.shutdown(socket.SHUT_WR)
                        except OSError:
                            ways.clear()
                            break

    def finish(self):
        self._thread.join(timeout=peers.PATIENCE)
        return self.sent


def yamux_streams(sent):
    """{stream id: {role: bytes}} of a yamux connection's two plaintexts."""
    streams = {}
    for role, data in sent.items():
        at = data.find(b"\x00\x02\x00\x01") if data.startswith(MULTISTREAM) else 0
        while at + 12 <= len(data):
            kind, ident = data[at + 1], int.from_bytes(data[at + 4:at + 8], "big")
            length = int.from_bytes(data[at + 8:at + 12], "big") if kind == 0 else 0
            body = data[at + 12:at + 12 + length]
            if ident and body:
                both = streams.setdefault(ident, {"dialer": b"", "listener": b""})
                both[role] += body
            at += 12 + length
    return streams


def plain_length(sent, role):
    """How many plaintext bytes are in the Noise transport messages of a role's raw bytes."""
    at = 0
    while at < len(sent) and (sent[at + 1:at + 2] == b"/" or sent[at:at + 4] == b"\x03na\n"):
        at += 1 + sent[at]
    lengths = []
    while at + 2 <= len(sent):
        lengths.append(int.from_bytes(sent[at:at + 2], "big"))
        at += 2 + lengths[-1]
    handshake = 2 if role == "dialer" else 1
    return sum(length - 16 for length in lengths[handshake:])


def find_stream(streams, protocol, opener):
    """The bytes of both ways of the first stream of a protocol that a role opened."""
    line = protocol.encode() + b"\n"
    parity = 1 if opener == "dialer" else 0
    for ident in sorted(streams):
        if ident % 2 == parity and line in streams[ident][opener]:
            return streams[ident]
    raise LookupError(f"no stream of {protocol} opened by the {opener}")


def messages(data, protocol):
    """The length-prefixed messages after the negotiation lines of one way of a stream."""
    line = protocol.encode() + b"\n"
    at = data.index(line) + len(line)
    found = []
    while at < len(data):
        length = shift = 0
        while True:
            byte = data[at]
            at, length, shift = at + 1, length | (byte & 127) << shift, shift + 7
            if byte < 128:
                break
        found.append(data[at:at + length])
        at += length
    return found


def x25519_public(secret):
    """The X25519 public key (RFC 7748) of a secret: enough to tell which random bytes were one."""
    prime, scalar = 2**255 - 19, bytearray(secret)
    scalar[0] &= 248
    scalar[31] = scalar[31] & 127 | 64
    number = int.from_bytes(scalar, "little")
    x1, x2, z2, x3, z3, swapped = 9, 1, 0, 9, 1, 0
    for bit in reversed(range(255)):
        now = number >> bit & 1
        if now ^ swapped:
            x2, z2, x3, z3 = x3, z3, x2, z2
        swapped = now
        a, b, c, d = x2 + z2, x2 - z2, x3 + z3, x3 - z3
        aa, bb, da, cb = a * a % prime, b * b % prime, d * a % prime, c * b % prime
        x3, z3 = (da + cb) ** 2 % prime, x1 * (da - cb) ** 2 % prime
        x2, z2 = aa * bb % prime, (aa - bb) * (aa + 121665 * (aa - bb)) % prime
    if swapped:
        x2, z2 = x3, z3
    return (x2 * pow(z2, prime - 2, prime) % prime).to_bytes(32, "little")


def go_noise_secrets(peer, sent):
    """(static, ephemeral): the ephemeral one's public key is on the wire, the static was read before."""
    random = [bytes.fromhex(event["hex"]) for event in peer.events("random")]
    for static, ephemeral in zip(random, random[1:]):
        if x25519_public(ephemeral) in sent:
            return static, ephemeral
    raise LookupError("no recorded random bytes are the ephemeral secret")


class Capture:
    def __init__(self, directory):
        self.directory = Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.log = tempfile.TemporaryFile()

    def write(self, name, data):
        text = data.hex()
        lines = [text[at:at + 96] for at in range(0, len(text), 96)]
        (self.directory / f"{name}.hex").write_text("\n".join(lines) + "\n", encoding="ascii")

    def start(self, kind, host):
        return peers.start(kind, self.log, [host], capture=kind.endswith("libp2p"))

    def session(self, name, dialer, listener, after=None):
        """dialer and listener are (kind, host configuration); returns the plaintexts by role."""
        made = {"dialer": self.start(*dialer), "listener": self.start(*listener)}
        try:
            return self._record(name, made, after)
        finally:
            for peer in made.values():
                peer.kill()

    def _record(self, name, made, after):
        near, far = made["dialer"], made["listener"]
        tap = Tap(far.hosts[0].port)
        near.call("dial", addr=f"/ip4/127.0.0.1/tcp/{tap.port}/p2p/{far.id}")
        near.wait("identify", peer=far.id)
        far.wait("identify", peer=near.id)
        near.call("ping", peer=far.id)
        if after:
            after(near, far)
        near.call("disconnect", peer=far.id)
        far.wait("disconnected", peer=near.id)
        sent = tap.finish()
        for role, data in sent.items():
            self.write(f"{name}.{role}-sent", data)
        return self._secrets(name, made, sent)

    def _secrets(self, name, made, sent):
        plain = {}
        for role, peer in made.items():
            if not peer.config.get("capture"):
                continue
            if peer.kind == "go-libp2p":
                static, ephemeral = go_noise_secrets(peer, sent[role])
            else:
                static = bytes.fromhex(peer.wait("noise_static")["secret"])
                ephemeral = bytes.fromhex(peer.wait("noise_ephemeral")["secret"])
                other = "listener" if role == "dialer" else "dialer"
                plain = {role: _plain(peer, "sent"), other: _plain(peer, "received")}
            self.write(f"{name}.{role}-identity", base64.b64decode(peer.hosts[0].key))
            self.write(f"{name}.{role}-noise-static", static)
            self.write(f"{name}.{role}-noise-ephemeral", ephemeral)
        for role, data in plain.items():
            # What a peer wrote after its socket was closed never reached the wire.
            plain[role] = data = data[:plain_length(sent[role], role)]
            self.write(f"{name}.{role}-plain", data)
        return plain


def _plain(peer, way):
    return b"".join(bytes.fromhex(event["hex"]) for event in peer.events("plain", way=way))


WAKU = {"cluster": 1, "shards": [0, 3]}
JS = ("js-libp2p", {"keyType": "ed25519", "metadata": WAKU})
JS_SECP256K1 = ("js-libp2p", {**JS[1], "keyType": "secp256k1"})
JS_MPLEX = ("js-libp2p", {**JS[1], "muxers": ["mplex"]})


def other_role(role):
    return "listener" if role == "dialer" else "dialer"


def write_identify(capture, kind, plain, opener):
    """What the peer kind answered on the first identify stream that a role opened."""
    answer = find_stream(yamux_streams(plain), IDENTIFY, opener)[other_role(opener)]
    capture.write(f"identify-stream.{kind}", answer)
    for number, message in enumerate(messages(answer, IDENTIFY)):
        capture.write(f"identify.{kind}" + (f".part{number + 1}" if number else ""), message)


def write_metadata(capture, kind, way, plain, role):
    """The metadata request or response that the role sent on the dialer's stream."""
    sent = find_stream(yamux_streams(plain), METADATA, "dialer")[role]
    capture.write(f"metadata-{way}.{kind}", messages(sent, METADATA)[0])


def ask_metadata(near, far):
    near.call("metadata", peer=far.id)


def add_protocol(near, far):
    seen = near.mark()
    far.call("protocol", name="/vac/waku/store-query/3.0.0")
    near.wait("peer_update", peer=far.id, since=seen)


def js_sessions(capture):
    plain = capture.session("js-dials-js-yamux", JS, JS_SECP256K1)
    write_identify(capture, "js-libp2p", plain, "dialer")
    capture.session("js-dials-js-mplex", JS_MPLEX, JS_MPLEX)
    plain = capture.session("js-dials-jswaku-yamux", JS, ("js-waku", {"metadata": WAKU, "muxers": ["yamux"]}),
                            after=ask_metadata)
    write_identify(capture, "js-waku", plain, "dialer")
    write_metadata(capture, "js-libp2p", "request", plain, "dialer")
    write_metadata(capture, "js-waku", "response", plain, "listener")
    capture.session("jswaku-dials-js-mplex", ("js-waku", {"metadata": WAKU, "muxers": ["mplex"]}), JS_MPLEX)


def go_sessions(capture):
    for key in ("ed25519", "secp256k1", "rsa"):
        relay = {"keyType": key, "relay": True, "topics": ["/waku/2/rs/1/0"]}
        plain = capture.session(f"js-dials-go-{key}-yamux", JS, ("go-libp2p", relay), after=add_protocol)
        write_identify(capture, f"go-libp2p-{key}", plain, "dialer")
        pushed = find_stream(yamux_streams(plain), PUSH, "listener")["listener"]
        capture.write(f"identify-push-stream.go-libp2p-{key}", pushed)
        capture.session(f"go-dials-js-{key}-yamux", ("go-libp2p", {"keyType": key}), JS)
    ecdsa = ("go-libp2p", {"keyType": "ecdsa"})  # js-libp2p refuses a peer with such a key.
    capture.session("go-dials-go-ecdsa-yamux", ecdsa, ecdsa)
    capture.session("js-dials-go-ed25519-mplex", JS_MPLEX, ("go-libp2p", {"muxers": ["mplex"]}))
    many = [f"/wakupeers/interop/protocol-with-a-long-name/{number}/1.0.0" for number in range(130)]
    plain = capture.session("js-dials-go-many-protocols", JS, ("go-libp2p", {"protocols": many}))
    write_identify(capture, "go-libp2p-many-protocols", plain, "dialer")
    plain = capture.session("gowaku-dials-js-yamux", ("go-waku", {"metadata": WAKU}), JS,
                            after=lambda near, far: far.wait("metadata", peer=near.id))
    write_identify(capture, "go-waku", plain, "listener")
    write_metadata(capture, "go-waku", "request", plain, "dialer")


def main(directory):
    capture = Capture(directory)
    js_sessions(capture)
    go_sessions(capture)


if __name__ == "__main__":
    main(sys.argv[1])

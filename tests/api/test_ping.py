"""wakupeers ping: one look at a peer, and what is said where there is none."""

import json
import os
import signal
import socket
import subprocess
import threading

import api
from api import NOBODY, PATIENCE, ApiTest

FIELDS = {"peerId", "agent", "protocolVersion", "protocols", "addresses", "clusterId", "shards", "security",
          "muxer", "handshakeMs", "pings", "error", "step", "detail"}


class PingTest(ApiTest):
    def json_of(self, code, *arguments):
        """The one object that --json prints."""
        done = self.expect(code, "ping", "--json", *arguments)
        self.assertEqual(len(done.out.splitlines()), 1, done)
        found = json.loads(done.out)
        self.assertEqual(set(found), FIELDS)
        return found


class Reachable(PingTest):
    def setUp(self):
        super().setUp()
        self.made = self.daemon()
        self.transport = self.made.address.split("/p2p/")[0]

    def check(self, found, pings):
        self.assertEqual(found["peerId"], self.made.id)
        self.assertRegex(found["agent"], r"\Awakupeers/\d")
        self.assertIn("/ipfs/ping/1.0.0", found["protocols"])
        self.assertIn("/vac/waku/metadata/1.0.0", found["protocols"])
        self.assertIn(self.transport, found["addresses"])
        self.assertEqual((found["clusterId"], found["shards"]), (1, []))
        self.assertEqual((found["security"], found["muxer"]), ("/noise", "/yamux/1.0.0"))
        self.assertGreater(found["handshakeMs"], 0)
        self.assertEqual(len(found["pings"]), pings)
        for each in found["pings"]:
            self.assertGreater(each, 0)
        self.assertEqual((found["error"], found["step"], found["detail"]), (None, None, None))

    def test_json(self):
        self.check(self.json_of(0, "-c", "3", "-i", "1ms", self.made.address), 3)
        self.check(self.json_of(0, "-c1", self.transport), 1)
        self.check(self.json_of(0, "--count=0", self.made.address), 0)

    def test_text(self):
        done = self.expect(0, "ping", self.made.address, "--count=2", "--interval=1ms")
        self.assertEqual(done.err, "")
        for line in (f"peer id     {self.made.id}", "agent       wakupeers/", "protocols   /ipfs/id/1.0.0",
                     f"addresses   {self.transport}", "cluster     1, shards none", "ping 1 ", "ping 2 ",
                     "2 pings, 2 answered, round trip "):
            self.assertIn(line, done.out)

    def test_by_name(self):
        port = self.transport.split("/")[4]
        self.assertEqual(self.json_of(0, "-c1", f"/dns4/localhost/tcp/{port}")["peerId"], self.made.id)

    def test_another_than_the_one_that_was_asked_for(self):
        wrong = f"{self.transport}/p2p/{NOBODY}"
        found = self.json_of(1, wrong)
        self.assertEqual((found["error"], found["step"], found["peerId"]),
                         ("peer_id_mismatch", "handshake", self.made.id))
        done = self.expect(1, "ping", wrong)
        self.assertEqual(done.out, "")
        for each in (self.made.id, NOBODY):
            self.assertIn(each, done.err)
            self.assertIn(each, found["detail"])

    def test_the_data_directory_is_not_touched(self):
        home = self.folder / "home"
        home.mkdir()
        for env in ({"HOME": str(home)}, {"HOME": "/nonexistent"}, {"WAKUPEERS_DATA_DIR": str(home / "data")}):
            self.expect(0, "ping", "-c1", self.made.address, env=env)
        self.assertEqual(list(home.iterdir()), [])
        # Each call has an identity of its own, and a key of one's own is used where it is given.
        self.assertEqual(len(self.made.peers()), 3)
        for _ in range(2):
            self.expect(0, "ping", "-c1", "--nodekey=" + "22" * 32, self.made.address)
        self.assertEqual(len(self.made.peers()), 4)

    def test_interrupted(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            process = subprocess.Popen(api.driver.die_with_parent([
                api.program(), "ping", "-c", "1000", "-i", "1h", self.made.address]),
                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            with process:
                for line in process.stdout:
                    if line.startswith("ping 1 "):
                        break
                process.send_signal(number)
                out, err = process.communicate(timeout=PATIENCE)
            self.assertEqual((process.returncode, err), (0, ""))
            self.assertIn("1 ping, 1 answered", out)


class Unreachable(PingTest):
    def fails(self, address, error, step, *more):
        found = self.json_of(1, address, *more)
        self.assertEqual((found["error"], found["step"]), (error, step), found)
        self.assertEqual((found["protocols"], found["addresses"], found["pings"]), ([], [], []))
        done = self.expect(1, "ping", address, *more)
        self.assertEqual(done.out, "")
        self.assertIn(f"{address} is not reachable: {error}", done.err)
        self.assertIn(f"(step: {step})", done.err)
        return found

    def test_nobody_listens(self):
        self.fails("/ip4/127.0.0.1/tcp/1", "refused", "connect")
        self.fails(api.NOBODYS_ADDRESS, "refused", "connect")

    def test_no_such_name(self):
        self.fails("/dns4/nobody.invalid/tcp/1", "name_not_found", "resolve")

    def test_a_transport_that_is_not_ours(self):
        self.fails("/ip4/127.0.0.1/udp/1/quic-v1", "unsupported_address", "address")

    def server(self, answer):
        """A server whose connections are given to `answer`; its multiaddr."""
        listening = socket.create_server(("127.0.0.1", 0))
        ended = threading.Event()

        def serve():
            held = []
            while not ended.is_set():
                try:
                    link, _ = listening.accept()
                except OSError:
                    break
                held.append(link)
                try:
                    answer(link)
                except OSError:
                    pass
            for link in held:
                link.close()

        thread = threading.Thread(target=serve)
        thread.start()

        def stop():
            ended.set()
            listening.shutdown(socket.SHUT_RDWR)
            listening.close()
            thread.join()

        self.addCleanup(stop)
        return f"/ip4/127.0.0.1/tcp/{listening.getsockname()[1]}"

    def test_silence(self):
        self.fails(self.server(lambda link: None), "dial_timeout", "security", "--dial-timeout=200ms")

    def test_garbage(self):
        self.fails(self.server(lambda link: link.sendall(b"SSH-2.0-OpenSSH_9.2\r\n" + b"x" * 100)),
                   "negotiation_failed", "security")

    def test_an_end_too_early(self):
        self.fails(self.server(lambda link: link.shutdown(socket.SHUT_RDWR)), "upgrade_closed", "security")

    def test_no_security_in_common(self):
        """A multistream peer that has no Noise."""
        def refuse(link):
            link.sendall(b"\x13/multistream/1.0.0\n\x03na\n")
        self.fails(self.server(refuse), "negotiation_failed", "security")

    def test_interrupted(self):
        address = self.server(lambda link: None)
        process = subprocess.Popen(api.driver.die_with_parent([api.program(), "ping", "--json", address]),
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        with process:
            api.wait_for(lambda: self.connected(process.pid), "it has connected")
            process.send_signal(signal.SIGINT)
            out, _ = process.communicate(timeout=PATIENCE)
        self.assertEqual(process.returncode, 1)
        self.assertEqual(json.loads(out)["error"], "interrupted")

    @staticmethod
    def connected(pid):
        """It has a TCP socket."""
        try:
            links = [os.readlink(f"/proc/{pid}/fd/{each}") for each in os.listdir(f"/proc/{pid}/fd")]
        except OSError:
            return False
        mine = {each.split("[")[1].rstrip("]") for each in links if each.startswith("socket:")}
        with open("/proc/net/tcp", encoding="ascii") as table:
            rows = [line.split() for line in list(table)[1:]]
        return any(row[9] in mine and row[3] == "01" for row in rows)

    def test_an_address_that_is_none(self):
        for bad in ("foo", "/ip4/1.2.3/tcp/1", "", f"/ip4/127.0.0.1/tcp/1/p2p/{NOBODY}x"):
            with self.subTest(bad):
                found = self.json_of(2, bad)
                self.assertEqual((found["peerId"], found["step"]), (None, "address"))
                self.assertTrue(found["error"])
                done = self.expect(2, "ping", bad)
                self.assertEqual(done.out, "")
                self.assertIn("wakupeers: ", done.err)


if __name__ == "__main__":
    api.main()

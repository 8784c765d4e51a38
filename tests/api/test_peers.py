"""wakupeers peers: a person's view of a running daemon."""

import json
import signal
import socket
import threading

import api
from api import LOOPBACK, NOBODY, NOBODYS_ADDRESS, PATIENCE, ApiTest


class PeersTest(ApiTest):
    def peers(self, code, *words, of=None):
        return self.expect(code, "peers", *words, f"--data-dir={(of or self.made).data_dir}")


class Peers(PeersTest):
    def setUp(self):
        super().setUp()
        self.made, self.other = self.daemon(), self.daemon()

    def columns(self, text):
        """The table's cells; every column begins where its heading does."""
        head, *rows = text.splitlines()
        starts = [0] + [at for at in range(2, len(head)) if head[at] != " " and head[at - 2:at] == "  "]
        for row in rows:
            for start in starts[1:]:
                self.assertEqual(row[start - 2:start], "  ", f"not aligned:\n{text}")
        cut = [*starts, None]
        cells = [[line[cut[i]:cut[i + 1]].strip() for i in range(len(starts))] for line in (head, *rows)]
        self.assertEqual(cells[0], ["PEER ID", "STATE", "REASON", "AGENT", "RTT", "LAST", "NEXT", "HELD BACK BY"])
        return cells[1:]

    def test_a_day_in_the_life(self):
        self.assertEqual(self.columns(self.peers(0).out), [])
        self.assertEqual(self.peers(0, "add", self.other.address).out, "connected\n")
        self.made.wait_connected(self.other.id)
        done = self.peers(1, "add", NOBODYS_ADDRESS)
        self.assertEqual(done.out, "")
        self.assertIn("refused", done.err)
        self.assertRegex(done.err, r"the peer is kept, and will be tried again in \d+s")
        rows = {row[0]: row[1:] for row in self.columns(self.peers(0, "list").out)}
        self.assertEqual(set(rows), {self.other.id, NOBODY})
        self.assertEqual(rows[self.other.id][:2], ["Connected", "-"])
        self.assertRegex(rows[self.other.id][2], r"\Awakupeers/")
        self.assertEqual(rows[NOBODY][:3], ["CannotConnect", "refused", "-"])
        self.assertRegex(rows[NOBODY][5], r"\Ain \d+s\Z")
        self.assertEqual(rows[NOBODY][6], "retry_delay")

        self.assertEqual(self.peers(0, "disconnect", self.other.id).out, "disconnected\n")
        rows = {row[0]: row[1:] for row in self.columns(self.peers(0).out)}
        self.assertEqual((rows[self.other.id][0], rows[self.other.id][6]), ("CanConnect", "person"))
        self.assertEqual(self.peers(0, "connect", self.other.id).out, "connected\n")
        self.assertEqual(self.peers(0, "remove", NOBODY).out, "removed\n")
        self.assertEqual([row[0] for row in self.columns(self.peers(0).out)], [self.other.id])
        for verb in ("show", "remove", "connect", "disconnect"):
            done = self.peers(1, verb, NOBODY)
            self.assertEqual((done.out, done.err), ("", f"wakupeers: Peer with ID {NOBODY} not found\n"))

    def test_options_of_other_verbs(self):
        for words, option in ((["list"], "--for=1h"), (["add", NOBODYS_ADDRESS], "--tag=mesh"),
                              (["unban", NOBODY], "--for=1h"), (["ban", NOBODY], "--tag=mesh"),
                              (["unprotect", NOBODY], "--for=1h"), (["show", NOBODY], "--source=dns"),
                              (["add", NOBODYS_ADDRESS], f"--told-by={NOBODY}")):
            with self.subTest(words):
                done = self.peers(2, *words, option)
                self.assertIn(f"peers {words[0]} takes no {option.split('=')[0]};", done.err)

    def test_connect_to_nobody(self):
        self.peers(1, "add", NOBODYS_ADDRESS)
        done = self.peers(1, "connect", NOBODY)
        self.assertIn("Failed to connect: refused at connect", done.err)

    def test_what_is_not_kept_is_not_said_to_be(self):
        done = self.peers(1, "add", self.made.address)
        self.assertIn("is this node itself", done.err)
        self.assertNotIn("kept", done.err)

    def test_show(self):
        self.peers(0, "add", self.other.address)
        self.made.wait_connected(self.other.id)
        shown = self.peers(0, "show", self.other.id).out
        for line in (f"peerId            {self.other.id}", "connected         Connected",
                     "protocols         /ipfs/id/1.0.0", "reason            none", "connections       outbound, "):
            self.assertIn(line, shown)
        # Another text form of the same id.
        self.assertIn(self.other.id, self.peers(0, "show", self.cid_of(self.other.id)).out)

    def cid_of(self, peer_id):
        """base32 of 0x01 0x72 and the multihash."""
        import base64
        alphabet = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
        number = 0
        for letter in peer_id:
            number = number * 58 + alphabet.index(letter)
        data = number.to_bytes(39, "big")[-39:]
        return "b" + base64.b32encode(b"\x01\x72" + data).decode().lower().rstrip("=")

    def test_json(self):
        listed = json.loads(self.peers(0, "--json").out)
        self.assertEqual(listed, [])
        self.assertEqual(json.loads(self.peers(0, "add", self.other.address, "--json").out), {"result": "connected"})
        self.made.wait_connected(self.other.id)
        (listed,) = json.loads(self.peers(0, "list", "--json").out)
        shown = json.loads(self.peers(0, "show", self.other.id, "--json").out)
        asked = self.made.peer(self.other.id)
        for each in (listed, shown):
            self.assertEqual({name for name in each if each[name] != asked[name]} - {"rttMs"}, set())
        self.assertEqual(json.loads(self.peers(0, "disconnect", self.other.id, "--json").out), {"result": "disconnected"})
        self.assertEqual(json.loads(self.peers(0, "connect", self.other.id, "--json").out), {"result": "connected"})
        self.assertEqual(json.loads(self.peers(0, "remove", self.other.id, "--json").out), {"result": "removed"})

    def test_other_ways_to_the_daemon(self):
        self.expect(0, "peers", f"--rest-port={self.made.port}")
        self.expect(0, "peers", "--rest-address=127.0.0.1", f"--rest-port={self.made.port}")
        self.expect(0, "peers", env={"WAKUPEERS_REST_PORT": str(self.made.port)})
        self.expect(0, "peers", env={"WAKUPEERS_DATA_DIR": str(self.made.data_dir)})
        # What the daemon itself was told, 0, names no port.
        self.expect(0, "peers", env={"WAKUPEERS_DATA_DIR": str(self.made.data_dir), "WAKUPEERS_REST_PORT": "0"})
        self.expect(0, "peers", f"--rest-port={self.made.port}",
                    env={"http_proxy": "http://127.0.0.1:1", "ALL_PROXY": "http://127.0.0.1:1"})


class NoDaemon(PeersTest):
    def none(self, *arguments, says="start one with: wakupeers run"):
        for words in ((), ("show", NOBODY), ("add", NOBODYS_ADDRESS), ("disconnect", NOBODY)):
            done = self.expect(3, "peers", *words, *arguments)
            self.assertEqual(done.out, "")
            self.assertIn(says, done.err)

    def test_never_one(self):
        self.none("--data-dir=none", says="wakupeers run --data-dir=none")
        self.none()
        self.none("--rest-port=1")

    def test_one_that_stopped(self):
        made = self.daemon()
        made.terminate()
        self.none(f"--data-dir={made.data_dir}")

    def test_one_that_was_killed(self):
        """Its address is left behind; another daemon on that port is not taken for it."""
        made = self.daemon()
        made.kill()
        self.assertTrue((made.data_dir / "rest-address").exists())
        self.none(f"--data-dir={made.data_dir}")
        other = self.daemon(rest_port=made.port)
        self.none(f"--data-dir={made.data_dir}")
        self.expect(0, "peers", f"--data-dir={other.data_dir}")

    def test_one_without_rest(self):
        made = self.daemon()
        made.terminate()
        log = open(self.folder / "log", "wb")
        self.addCleanup(log.close)
        process = api.subprocess.Popen(api.driver.die_with_parent(
            [api.program(), "run", f"--data-dir={made.data_dir}", *LOOPBACK, "--rest=false"]), stderr=log)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        api.wait_for(lambda: "metrics at" in (self.folder / "log").read_text(), "it has started")
        self.none(f"--data-dir={made.data_dir}", says="--rest=true")

    def answering(self, answer):
        """A server that is no daemon of ours."""
        listening = socket.create_server(("127.0.0.1", 0))

        def serve():
            while True:
                try:
                    link, _ = listening.accept()
                except OSError:
                    return
                with link:
                    link.recv(65536)
                    link.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()

        def stop():
            listening.shutdown(socket.SHUT_RDWR)
            listening.close()
            thread.join()

        self.addCleanup(stop)
        return f"--rest-port={listening.getsockname()[1]}"

    def test_one_that_is_none(self):
        self.assertIn("not JSON", self.expect(1, "peers", self.answering(
            b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>")).err)
        done = self.expect(1, "peers", self.answering(
            b"HTTP/1.1 404 Not Found\r\nContent-Length: 7\r\n\r\n\x1b[31mno"))
        self.assertEqual(done.err, "wakupeers: ?[31mno\n")
        self.none(self.answering(b"SSH-2.0-OpenSSH\r\n"))
        # JSON of another shape, with what a terminal must not see.
        strange = json.dumps([{"peerId": "\x1b[2Jé", "agent": 5, "connectedTime": 2**62, "nextDial": -2**63}, 7])
        done = self.expect(0, "peers", self.answering(
            f"HTTP/1.1 200 OK\r\nContent-Length: {len(strange)}\r\n\r\n{strange}".encode()))
        self.assertNotIn("\x1b", done.out)
        self.assertEqual(len(done.out.splitlines()), 3)

    def test_a_daemon_that_hangs(self):
        """Stopped in the middle: the client waits, and goes on when the daemon does."""
        made = self.daemon()
        made.process.send_signal(signal.SIGSTOP)
        client = api.subprocess.Popen(api.driver.die_with_parent([
            api.program(), "peers", f"--data-dir={made.data_dir}"]), stdout=api.subprocess.PIPE, text=True)
        with client:
            # Its request has arrived when the daemon's socket has bytes that are not read.
            api.wait_for(lambda: self.unread(made.port), "the request waits at the daemon")
            made.process.send_signal(signal.SIGCONT)
            out, _ = client.communicate(timeout=PATIENCE)
        self.assertEqual((client.returncode, len(out.splitlines())), (0, 1))

    @staticmethod
    def unread(port):
        with open("/proc/net/tcp", encoding="ascii") as table:
            rows = [line.split() for line in list(table)[1:]]
        return any(int(row[1].split(":")[1], 16) == port and row[3] == "01"
                   and int(row[4].split(":")[1], 16) > 0 for row in rows)


if __name__ == "__main__":
    api.main()

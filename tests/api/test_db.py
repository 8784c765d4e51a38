"""`wakupeers db` as a person types it: into an empty data directory and beside a running daemon, from
and into every format."""

import base64
import fcntl
import json
import os
import shutil
import sqlite3
import stat
import subprocess
import time

import api
from api import NOBODY, ROOT, ApiTest

DATA = ROOT / "tests" / "data"
OTHER = "12D3KooWBtg3aaRMjxwedh83aGiUkwSxDwUZkzuJcfaqUmo7R3pq"
TEXT = f"""# peers of ours
/ip4/192.168.1.7/tcp/60000/p2p/{NOBODY}
/dns4/node.example/tcp/443/wss/p2p/{NOBODY}
/ip4/10.0.0.1/tcp/30304/p2p/{OTHER}
"""


def node_records():
    lines = (DATA / "enr.txt").read_text().splitlines()
    return [line.split()[0] for line in lines if line.startswith("enr:")]


class DbTest(ApiTest):
    def write(self, name, text):
        path = self.folder / name
        path.write_text(text)
        return path

    def database(self, name, sql):
        path = self.folder / name
        link = sqlite3.connect(path)
        link.executescript((DATA / sql).read_text())
        link.close()
        return path

    def fifo(self, name, source):
        """A pipe with a name, into which the file is written once."""
        path = self.folder / name
        os.mkfifo(path)
        writer = subprocess.Popen(["sh", "-c", 'exec cat "$1" >"$2"', "sh", source, path], stderr=subprocess.DEVNULL)
        self.addCleanup(writer.wait)
        self.addCleanup(writer.kill)
        return path

    def db(self, code, verb, *arguments, data="data", **more):
        return self.expect(code, "db", verb, f"--data-dir={data}", *arguments, **more)

    def exported(self, data="data"):
        """{peer id: object} of all peers, by jsonl."""
        lines = self.db(0, "export", data=data).out.splitlines()
        peers = [json.loads(line) for line in lines]
        return {peer["peerId"]: peer for peer in peers}

    def check_reasons(self, data):
        """Each loss is told with its own reason; what is over is none, as it is not without a daemon."""
        past = {"peerId": NOBODY, "multiaddrs": [], "tags": [{"name": "over", "value": 1, "expiresNs": 10**18}]}
        self.assertEqual(self.db(0, "import", "-", stdin=json.dumps(past), data=data).out, "imported 1, skipped 0\n")
        bad = {"base64": "//8="}
        peer = {"peerId": OTHER, "multiaddrs": [bad, "/ip4/10.0.0.1/tcp/1"], "observedAddress": bad,
                "protocols": ["", "/a"], "tags": [{"name": "", "value": 1}], "app": [{"key": "", "value": "AA=="}]}
        done = self.db(1, "import", "-", stdin=json.dumps(peer), data=data)
        self.assertEqual(done.out, "imported 1, skipped 5\n")
        for why in ("1 of its 2 addresses are no valid multiaddrs", "an observed address that is no valid multiaddr",
                    "1 of its 2 protocols are empty", "1 of its 1 tags have no name",
                    "1 of its 1 entries of its application map have no key"):
            self.assertIn(why, done.err)
        self.assertNotIn("exceed", done.err)
        kept = self.exported(data)[OTHER]
        self.assertEqual((kept["multiaddrs"], kept["protocols"]), (["/ip4/10.0.0.1/tcp/1"], ["/a"]))
        self.assertFalse({"observedAddress", "tags", "app"} & set(kept))


class Import(DbTest):
    def test_a_list(self):
        done = self.db(0, "import", self.write("list", TEXT))
        self.assertEqual((done.out, done.err), ("imported 2, skipped 0\n", ""))
        peers = self.exported()
        self.assertEqual(peers[NOBODY]["multiaddrs"],
                         ["/ip4/192.168.1.7/tcp/60000", "/dns4/node.example/tcp/443/wss"])
        self.assertEqual(peers[NOBODY]["connectivity"], "NotConnected")
        self.assertEqual({address["source"] for address in peers[NOBODY]["addresses"]}, {"import"})
        self.assertEqual(stat.S_IMODE(os.stat(self.folder / "data").st_mode), 0o700)

    def test_what_cannot_be_read(self):
        bad = self.write("list", TEXT + "/ip4/192.0.2.1/tcp/1\nhello\n")
        done = self.db(1, "import", bad)
        self.assertEqual(done.out, "imported 2, skipped 2\n")
        self.assertRegex(done.err, r"line 5: it has no /p2p/PEER-ID")
        self.assertRegex(done.err, r"line 6: neither a multiaddr")
        done = self.db(2, "import", self.write("none", "/ip4/192.0.2.1/tcp/1\n"), data="fresh")
        self.assertEqual(done.out, "imported 0, skipped 1\n")

    def test_the_first_reasons_only(self):
        done = self.db(1, "import", self.write("list", TEXT + "x\n" * 50))
        self.assertEqual(done.out, "imported 2, skipped 50\n")
        self.assertEqual(len(done.err.splitlines()), 11)
        self.assertIn("and 40 more", done.err)

    def test_nothing_is_made_for_a_wrong_name(self):
        for file in ("missing", self.write("odd", "what is this?\n"), self.folder):
            done = self.db(2, "import", file)
            self.assertTrue(done.err.startswith("wakupeers: "), done.err)
            self.assertEqual(done.out, "imported 0, skipped 0\n")
            self.assertFalse((self.folder / "data").exists())

    def test_usage(self):
        self.write("list", TEXT)
        for words, said in (((), "verb"), (("import",), "takes a file"), (("frob",), "no verb"),
                            (("info", "x"), "no more words"), (("info", "--format=js"), "no --format"),
                            (("import", "list", "--format=xml"), "jsonl"),
                            (("import", "-", "--format=nwaku"), "name its file"),
                            (("export", "--format=go"), "name the file")):
            done = self.expect(2, "db", "--data-dir=data", *words)
            self.assertIn(said, done.err)

    def test_the_standard_input(self):
        self.db(0, "import", "-", stdin=TEXT)
        self.db(0, "import", "-", "--format=enr", stdin="\n".join(node_records()))
        self.assertGreater(len(self.exported()), 5)

    def test_again_changes_nothing(self):
        listed = self.write("list", TEXT)
        self.db(0, "import", listed)
        before = self.exported()
        self.assertEqual(self.db(0, "import", listed).out, "imported 2, skipped 0\n")
        after = self.exported()
        for peer in (*before.values(), *after.values()):
            for address in peer["addresses"]:
                del address["lastSeenNs"]
        self.assertEqual(before, after)

    def test_nwaku(self):
        done = self.db(1, "import", self.database("peers.db", "nwaku_peers.sql"))
        self.assertEqual(done.out, "imported 6, skipped 5\n")
        self.assertIn("its connectedness is none of 0 to 3", done.err)
        peers = self.exported()
        reasons = {(peer["connectivity"], peer["reason"]) for peer in peers.values()}
        self.assertEqual(reasons, {("NotConnected", "none"), ("CannotConnect", "imported"),
                                   ("CanConnect", "local_close")})
        (was_connected,) = [peer for peer in peers.values() if peer.get("shards") == list(range(8))]
        self.assertEqual(was_connected["disconnectTimeNs"], 1700000000 * 10**9)

    def test_go_waku(self):
        done = self.db(1, "import", self.database("store.db", "go_waku_peerstore.sql"), "--json")
        self.assertEqual(json.loads(done.out), {"imported": 2, "skipped": 1})
        self.assertIn("the store's own node", done.err)
        (peer,) = [peer for peer in self.exported().values() if peer.get("agent") == "go-waku"]
        self.assertEqual((peer["score"], peer["clusterId"], peer["shards"]), (7, 1, [2, 5]))
        self.assertEqual([entry["key"] for entry in peer["app"]], ["comment", "weight"])

    def test_js_waku(self):
        cache = [{"id": NOBODY, "multiaddrs": [f"/ip4/192.0.2.1/tcp/2/p2p/{OTHER}", f"/ip4/127.0.0.1/tcp/1/p2p/{NOBODY}",
                                               "/bogus/1"]},
                 {"id": OTHER, "address": "/dns4/node.example/tcp/443/wss"}, {"id": "foo", "multiaddrs": []},
                 {"multiaddrs": []}, 5]
        done = self.db(1, "import", self.write("cache.json", json.dumps(cache)))
        self.assertEqual(done.out, "imported 2, skipped 5\n")
        self.assertIn("entry 0: an address of another peer", done.err)
        peers = self.exported()
        self.assertEqual(peers[NOBODY]["multiaddrs"], ["/ip4/127.0.0.1/tcp/1"])
        self.assertEqual(peers[OTHER]["multiaddrs"], ["/dns4/node.example/tcp/443/wss"])
        self.db(2, "import", self.write("cut.json", "[{\"id\":"), data="fresh")

    def test_a_cache_of_js_waku(self):
        """Written by the peer cache of @waku/discovery 0.0.13, which was told of two peers."""
        done = self.db(0, "import", DATA / "js_waku_cache.json")
        self.assertEqual(done.out, "imported 2, skipped 0\n")
        peers = self.exported()
        self.assertEqual(peers[NOBODY]["multiaddrs"],
                         ["/ip4/192.0.2.1/tcp/60001", "/dns4/node.example/tcp/443/wss"])
        self.assertEqual(peers[OTHER]["multiaddrs"], ["/ip4/127.0.0.1/tcp/8000/ws"])

    def test_what_exceeds_a_cap_is_said(self):
        lines = "".join(f"/ip4/10.0.0.{i}/tcp/1/p2p/{NOBODY}\n" for i in range(70))
        done = self.db(1, "import", self.write("list", lines))
        self.assertEqual(done.out, "imported 1, skipped 1\n")
        self.assertIn("6 of its 70 addresses exceed the cap", done.err)
        self.assertEqual(len(self.exported()[NOBODY]["multiaddrs"]), 64)

    def test_what_exceeds_no_cap_is_not_said(self):
        peer = {"peerId": NOBODY, "multiaddrs": ["/ip4/10.0.0.1/tcp/1"] * 2, "protocols": ["/a", "/a"],
                "tags": [{"name": "t", "value": 1}] * 2}
        self.assertEqual(self.db(0, "import", "-", stdin=json.dumps(peer)).out, "imported 1, skipped 0\n")
        peer = {"peerId": OTHER, "protocols": ["/vac/waku/relay/2.0.0/" + "x" * 300]}
        done = self.db(1, "import", "-", stdin=json.dumps(peer))
        self.assertIn("1 of its 1 protocols exceed the cap", done.err)

    def test_each_loss_has_its_reason(self):
        self.check_reasons("data")

    def test_an_id_that_no_multiaddr_takes(self):
        self.db(0, "import", "-", stdin=json.dumps({"peerId": {"base64": "Zm9v"}, "multiaddrs": ["/ip4/10.0.0.1/tcp/1"]}))
        done = self.db(0, "export", "--format=text")
        self.assertEqual(done.out, "")
        self.assertIn("its id cannot be written in a multiaddr", done.err)

    def test_the_capacity_is_that_of_the_option(self):
        peers = self.write("list", TEXT)
        done = self.db(1, "import", "--peer-store-capacity=1", peers)
        self.assertEqual(done.out, "imported 1, skipped 1\n")
        self.assertIn("--peer-store-capacity", done.err)
        self.assertEqual(self.db(0, "import", "--peer-store-capacity=0", peers).out,
                         "imported 2, skipped 0\n")

    def test_a_log_is_read_or_its_absence_said(self):
        path = self.database("peers.db", "nwaku_peers.sql")
        link = sqlite3.connect(path)
        link.executescript("PRAGMA journal_mode = WAL; DELETE FROM Peer")
        copy, log = self.folder / "copy.db", self.folder / "copy.db-wal"
        copy.write_bytes(path.read_bytes())
        log.write_bytes((self.folder / "peers.db-wal").read_bytes())
        link.close()
        (self.folder / "copy.db-shm").mkdir()  # As where SQLite can write nothing beside the file.
        self.assertEqual(self.db(0, "import", copy).out, "imported 0, skipped 0\n")
        log.unlink()
        log.mkdir()  # There is a log, but it cannot be read.
        self.assertRegex(self.db(2, "import", copy).err, r"copy\.db has a log, .*copy both")

    def test_a_stream_is_read_from_its_beginning(self):
        for name, text in (("text", TEXT), ("enr", node_records()[0]), ("js", f'[{{"id": "{NOBODY}", "multiaddrs": []}}]'),
                           ("jsonl", f'{{"peerId": "{NOBODY}"}}')):
            with self.subTest(name):
                fifo = self.fifo(f"{name}.fifo", self.write(name, text))
                done = self.db(0, "import", fifo, data=f"fifo-{name}")
                again = self.db(0, "import", "/dev/stdin", stdin=text, data=f"stdin-{name}")
                self.assertEqual(done.out, again.out)
                self.assertRegex(done.out, r"^imported [12], skipped 0\n$")

    def test_a_database_is_no_stream(self):
        path = self.database("peers.db", "nwaku_peers.sql")
        for how in ((), ("--format=nwaku",)):
            fifo = self.fifo(f"fifo{len(how)}", path)
            self.assertIn("name its file", self.db(2, "import", fifo, *how, data="none").err)
        self.assertFalse((self.folder / "none").exists())

    def test_a_byte_order_mark_is_passed_over(self):
        mark = "\ufeff"
        self.assertEqual(self.db(0, "import", self.write("list", mark + TEXT)).out, "imported 2, skipped 0\n")
        lines = self.write("one.jsonl", f'{mark}{{"peerId": "{NOBODY}"}}')
        self.assertEqual(self.db(0, "import", lines, data="b").out, "imported 1, skipped 0\n")
        cache = self.write("cache", f'{mark}[{{"id": "{NOBODY}", "multiaddrs": []}}]')
        self.assertEqual(self.db(0, "import", cache, data="c").out, "imported 1, skipped 0\n")

    def test_long_texts_are_read_in_parts(self):
        """Lines are numbered through all of them, and a peer that is cut in two is one."""
        lines = [f"/ip4/10.0.{i // 250}.{i % 250}/tcp/{1 + i}/p2p/{OTHER}" for i in range(30)]
        text = "\n".join(["# " + "x" * 600000, *lines[:15], "#" * 262000, *lines[15:], "#" * 600000, "bad"])
        done = self.db(1, "import", self.write("list", text))
        self.assertEqual(done.out, "imported 1, skipped 1\n")
        self.assertIn("line 34: neither", done.err)
        self.assertEqual(len(self.exported()[OTHER]["multiaddrs"]), 30)
        text = "\n".join([" " * 600000 + f'{{"peerId": "{NOBODY}"}}'] + [" " * 100000] * 30 + ["{", f'{{"peerId": "{OTHER}"}}'])
        done = self.db(1, "import", "-", stdin=text, data="b")
        self.assertEqual(done.out, "imported 2, skipped 1\n")
        self.assertIn("line 32: ", done.err)

    def test_wrong_columns_make_no_directory(self):
        for name, sql in (("go", "CREATE TABLE peerstore (a, b)"), ("nwaku", "CREATE TABLE Peer (a, b)")):
            link = sqlite3.connect(self.folder / f"{name}.db")
            link.execute(sql)
            link.close()
            for how in ((), (f"--format={name}",)):
                self.db(2, "import", self.folder / f"{name}.db", *how, data="none")
                self.assertFalse((self.folder / "none").exists(), (name, how))

    def test_nobody_to_take_in(self):
        """A store that holds nobody was read, and nothing of it was skipped."""
        path = self.database("peers.db", "nwaku_peers.sql")
        link = sqlite3.connect(path)
        link.execute("DELETE FROM Peer")
        link.commit()
        link.close()
        for file in (path, self.write("cache", "[]")):
            self.assertEqual(self.db(0, "import", file).out, "imported 0, skipped 0\n")
        for text in ("", " \n\t\r\n", "# nobody\n", "# nobody"):
            self.assertEqual(self.db(0, "import", self.write("empty", text)).out, "imported 0, skipped 0\n")
            self.assertEqual(self.db(0, "import", "-", stdin=text).out, "imported 0, skipped 0\n")
        self.db(2, "import", self.write("odd", "# nobody\n?"))

    def test_a_ban_beside_a_tombstone(self):
        """A record comes for a peer of which a prune backoff is kept: both go on."""
        made = self.daemon()
        data = str(made.data_dir)
        now = time.time_ns()
        backoff = {"wallNs": now, "lengthNs": 3600 * 10**9}
        peer = {"peerId": NOBODY, "multiaddrs": ["/ip4/192.0.2.1/tcp/1"], "pruneBackoff": backoff}
        self.db(0, "import", self.write("one", json.dumps(peer)), data=data)
        made.ask("DELETE", f"/admin/v1/peer/{NOBODY}")
        made.end()
        self.assertEqual(json.loads(self.db(0, "info", "--json", data=data).out)["tombstones"], 1)
        peer["ban"] = {"wallNs": now, "lengthNs": 36000 * 10**9}
        del peer["pruneBackoff"]
        self.db(0, "import", self.write("two", json.dumps(peer)), data=data)
        info = json.loads(self.db(0, "info", "--json", data=data).out)
        self.assertEqual((info["peers"], info["tombstones"]), (1, 0))
        found = self.exported(data)[NOBODY]
        self.assertEqual(found["ban"]["lengthNs"], 36000 * 10**9)
        self.assertGreater(found["pruneBackoff"]["lengthNs"], 3000 * 10**9)
        made.start()
        self.assertTrue(made.peer(NOBODY)["banned"])
        made.end()
        self.assertIn("ban", self.exported(data)[NOBODY])

    def test_itself_and_nobody_are_no_peers(self):
        made = self.daemon()
        made.end()
        data = str(made.data_dir)
        done = self.db(2, "import", "-", stdin=f"/ip4/127.0.0.1/tcp/1/p2p/{made.id}\n", data=data)
        self.assertIn(f"{made.id}: it is this node itself", done.err)
        done = self.db(2, "import", "-", stdin='{"peerId": {"base64": ""}}', data=data)
        self.assertIn("it has no id", done.err)
        self.assertEqual(self.exported(data), {})

    def test_why_a_daemon_leaves_stored_peers_out(self):
        made = self.daemon(start=False, peer_store_capacity=1)
        self.expect(0, "key", "new", "--data-dir=elsewhere")
        key = self.folder / "elsewhere" / "nodekey"
        own = json.loads(self.expect(0, "key", "show", "--data-dir=elsewhere", "--json").out)["peerId"]
        tags = [{"name": "t", "value": 1, "protects": True}]
        lines = "\n".join(json.dumps({"peerId": each, "tags": tags}) for each in (NOBODY, OTHER, own))
        self.db(0, "import", self.write("list", lines), data=str(made.data_dir))  # It is no node's yet.
        shutil.copy(key, made.data_dir / "nodekey")
        made.start()
        self.assertEqual(made.id, own)
        self.assertRegex(made.log(), r"of the stored peers 1 found no room .*, 1 are this node itself; they stay in ")

    def test_two_imports_at_once(self):
        self.db(0, "import", self.write("list", TEXT))
        with open(self.folder / "data" / "lock", "r+b") as lock:  # As the first of them holds it.
            self.assertRegex(lock.read(), rb"^[0-9]+\nimport\n$")
            lock.seek(0)
            fcntl.lockf(lock, fcntl.LOCK_EX)
            lock.write(b"4711\nimport\n")
            lock.flush()
            done = self.db(4, "import", self.folder / "list")
            self.assertRegex(done.err, r"another import \(pid 4711\) .*wait")

    def test_a_newer_database_is_left_alone(self):
        self.db(0, "import", self.write("list", TEXT))
        file = self.folder / "data" / "peers.db"
        link = sqlite3.connect(file)
        link.execute("PRAGMA user_version = 99")
        link.close()
        before = file.read_bytes()
        self.db(2, "import", self.folder / "list")
        self.assertEqual(file.read_bytes(), before)
        self.assertEqual([each.name for each in file.parent.glob("peers.db*")], ["peers.db"], "a log of nothing is left")


class Export(DbTest):
    def setUp(self):
        super().setUp()
        self.db(1, "import", self.database("nwaku.db", "nwaku_peers.sql"))
        self.db(1, "import", self.database("go.db", "go_waku_peerstore.sql"))
        self.peers = self.exported()
        self.assertEqual(len(self.peers), 8)

    def test_jsonl_is_exact(self):
        self.db(0, "export", "all.jsonl")
        self.assertEqual(self.db(0, "import", "all.jsonl", data="other").out, "imported 8, skipped 0\n")
        self.assertEqual(self.exported("other"), self.peers)
        lines = (self.folder / "all.jsonl").read_text().splitlines()
        again = self.db(0, "export", data="other").out.splitlines()
        self.assertEqual(sorted(lines), sorted(again))

    def test_a_peer_that_was_connected_too(self):
        peer = next(iter(self.peers.values()))
        peer.update(connectivity="Connected", reason="none", held=True, connectedTimeNs=1767225600123456789)
        self.db(0, "import", self.write("one.jsonl", json.dumps(peer)), data="other")
        self.assertEqual(self.exported("other"), {peer["peerId"]: peer})

    def test_every_field(self):
        """One record that has them all, written by hand."""
        lines = (DATA / "signed_records.txt").read_text().splitlines()
        fields = next(line for line in lines if line.startswith("ed25519 go-libp2p")).split()
        key = "080112201ed1e8fae2c4a144b8be8fd4b47bf3d3b34b871c3cacf6010f0e42d474fce27e"
        start = 1767225600 * 10**9

        def span(number):
            return {"monoNs": number, "wallNs": start + number, "bootId": str(2**64 - 1), "lengthNs": number * 10**9}

        certified = {"source": "identify", "identified": True, "certified": True, "firstSeenNs": start,
                     "lastSeenNs": start + 50 * 10**9, "lastSuccessNs": start + 11, "lastFailureNs": start + 12,
                     "ttlNs": 3600 * 10**9, "expiresNs": start + 3600 * 10**9 + 77}
        peer = {
            "peerId": OTHER, "publicKey": base64.b64encode(bytes.fromhex(key)).decode(),
            "observedAddress": "/ip4/10.9.8.7/tcp/5", "protocolsKnown": True, "agent": "agent/1",
            "protocolVersion": "v\0é", "metadataKnown": True, "clusterId": 16,
            "signedRecord": base64.b64encode(bytes.fromhex(fields[3])).decode(), "signedSequence": int(fields[2]),
            "connectivity": "CannotConnect", "reason": "ping_timeout", "disconnectTimeNs": start + 123456789,
            "connectedTimeNs": start - 987654321, "origin": "Dns", "direction": "outbound", "failures": 3,
            "firstFailureNs": start + 1, "lastFailureNs": start + 7, "rttNs": 1234567, "static": True, "held": True,
            "heldOff": True, "pruneBackoff": span(5), "retryDelay": span(6), "mismatchDelay": span(7),
            "ban": {"wallNs": 5, "lengthNs": 2**63 - 1}, "score": -5,
            "multiaddrs": [*fields[4:], "/ip4/10.0.0.1/udp/1/quic-v1", "/ip6/fe80::1/tcp/7"],
            "addresses": [*[certified] * len(fields[4:]), {"source": "peer_exchange"},
                          {"source": "config", "firstSeenNs": start, "lastSeenNs": start, "ttlNs": 2**63 - 1}],
            "protocols": ["/a", "/vac/waku/relay/2.0.0"], "shards": [0, 5, 1023],
            "tags": [{"name": "a", "value": -3, "expiresNs": 2**62, "halfLifeNs": 10**15},
                     {"name": "mesh", "value": 7, "protects": True}],
            "app": [{"key": "k", "value": "AAE="}, {"key": "weight", "value": "/w=="}]}
        self.db(0, "import", self.write("one.jsonl", json.dumps(peer)), data="other")
        self.assertEqual(self.exported("other"), {OTHER: peer})

    def test_every_format_and_back(self):
        for name, peers in (("nwaku", 8), ("go", 8), ("js", 8), ("text", 8), ("enr", 2)):
            with self.subTest(name):
                done = self.db(0, "export", f"--format={name}", f"out.{name}")
                self.assertEqual(done.err.splitlines()[-1], f"exported {peers}, skipped {8 - peers}")
                self.assertEqual(stat.S_IMODE(os.stat(self.folder / f"out.{name}").st_mode), 0o600)
                done = self.db(0, "import", f"out.{name}", data=f"from-{name}")
                self.assertEqual(done.out, f"imported {peers}, skipped 0\n")
                found = self.exported(f"from-{name}")
                if name != "enr":
                    self.assertEqual({i: p["multiaddrs"] for i, p in found.items()},
                                     {i: p["multiaddrs"] for i, p in self.peers.items()})

    def test_what_a_format_cannot_hold_is_said(self):
        span = {"wallNs": time.time_ns(), "lengthNs": 36000 * 10**9}
        peer = {"peerId": NOBODY, "multiaddrs": ["/ip4/192.0.2.1/tcp/1"], "ban": span, "pruneBackoff": span,
                "heldOff": True, "shards": [1], "tags": [{"name": "t", "value": 1}], "agent": "a", "protocols": ["/a"],
                "protocolsKnown": True, "metadataKnown": True, "app": [{"key": "k", "value": "AAE="}], "score": 1}
        self.db(0, "import", self.write("one", json.dumps(peer)), data="other")
        never = {"a ban", "a prune backoff", "tags", "a mark of a person"}
        go = {"protocols", "agent", "score", "entries of the application map"}
        for name, lost in (("go", never), ("nwaku", never | go - {"protocols"}), ("js", never | go), ("text", never | go)):
            with self.subTest(name):
                done = self.db(0, "export", f"--format={name}", f"one.{name}", data="other")
                told = [line.split(": ")[2] for line in done.err.splitlines() if "no place for it" in line]
                for each in lost | {"cluster or shards, of 1 peers"}:
                    self.assertTrue(any(line.startswith(each) for line in told), (each, told))
                self.assertEqual(len(told), len(lost) + 1, told)
        self.assertEqual(self.db(0, "export", data="other").err, "exported 1, skipped 0\n")

    def test_tombstones_are_in_no_export(self):
        made = self.daemon()
        data = str(made.data_dir)
        peer = {"peerId": NOBODY, "pruneBackoff": {"wallNs": time.time_ns(), "lengthNs": 3600 * 10**9}}
        self.db(0, "import", "-", stdin=json.dumps(peer), data=data)
        made.ask("DELETE", f"/admin/v1/peer/{NOBODY}")
        self.assertRegex(self.db(0, "export", data=data).err, r"left out: 1 tombstones .*\nexported 0, skipped 0\n$")

    def test_a_dash_is_the_output(self):
        self.assertEqual(self.db(0, "export", "-").out, self.db(0, "export").out)
        self.assertIn("name the file", self.db(2, "export", "-", "--format=go").err)
        self.assertFalse((self.folder / "-").exists())

    def test_a_file_is_not_overwritten(self):
        for name in ("jsonl", "nwaku", "go"):
            kept = self.write(f"kept.{name}", "mine")
            self.assertIn("choose another name", self.db(1, "export", f"--format={name}", kept).err)
            self.assertEqual(kept.read_text(), "mine")

    def test_nothing_to_export(self):
        done = self.db(1, "export", "out", data="nowhere")
        self.assertIn("does not exist", done.err)
        self.assertFalse((self.folder / "out").exists())

    def test_text_and_js_on_the_output(self):
        lines = self.db(0, "export", "--format=text").out.splitlines()
        self.assertTrue(all("/p2p/" in line for line in lines))
        entries = json.loads(self.db(0, "export", "--format=js").out)
        self.assertEqual({entry["id"] for entry in entries}, set(self.peers))
        self.assertTrue(all(set(entry) == {"id", "multiaddrs"} for entry in entries))


class Care(DbTest):
    def test_info_check_compact(self):
        self.db(1, "import", self.database("nwaku.db", "nwaku_peers.sql"))
        info = json.loads(self.db(0, "info", "--json").out)
        self.assertEqual((info["peers"], info["connectivity"]["CannotConnect"], info["nodeRecords"]), (6, 2, 2))
        self.assertRegex(self.db(0, "info").out, r"(?m)^peers +6$")
        self.assertIn("0 problems", self.db(0, "check").out)
        self.assertEqual(json.loads(self.db(0, "check", "--json").out)["problems"], 0)
        sizes = json.loads(self.db(0, "compact", "--json").out)
        self.assertLessEqual(sizes["after"], sizes["before"])
        self.assertEqual(len(self.exported()), 6)

    def test_damage_is_found(self):
        self.db(1, "import", self.database("nwaku.db", "nwaku_peers.sql"))
        self.db(0, "compact")
        file = self.folder / "data" / "peers.db"
        content = bytearray(file.read_bytes())
        at = content.index(b"node-01.waku")
        content[at] ^= 1
        file.write_bytes(content)
        done = self.db(1, "check")
        self.assertIn("1 problems", done.out)
        self.assertIn("damaged", done.err)
        self.assertEqual(len(self.exported()), 5)

    def test_what_only_import_takes(self):
        self.db(0, "import", self.write("list", TEXT))
        for option, value in (("peer-store-capacity", "1"), ("rest-address", "127.0.0.1"), ("rest-port", "1")):
            for verb in ("info", "check", "compact", "export"):
                done = self.db(2, verb, f"--{option}", value)
                self.assertIn(f"db {verb} takes no --{option}; import does", done.err)
                self.db(0, verb, env={f"WAKUPEERS_{option.upper().replace('-', '_')}": value})

    def test_the_oldest_schema(self):
        """It is not read beside a daemon that may be at work on it; what is said to be done does it."""
        (self.folder / "data").mkdir()
        link = sqlite3.connect(self.folder / "data" / "peers.db")
        link.executescript((ROOT / "tests" / "storage" / "schema-1.sql").read_text())
        link.close()
        for verb in ("info", "check", "export"):
            self.assertRegex(self.db(1, verb).err, r"schema 1 .* run: wakupeers db compact\n")
        self.db(0, "compact")
        self.assertEqual(json.loads(self.db(0, "info", "--json").out)["schema"], 3)
        self.assertEqual(len(self.exported()), 2)

    def test_what_is_said_of_damage(self):
        self.db(0, "import", self.write("list", "".join(f"/ip4/10.0.0.1/tcp/{i}/p2p/{i_id}\n" for i, i_id in
                                                        enumerate([NOBODY, OTHER]))))
        self.db(0, "compact")
        file = self.folder / "data" / "peers.db"
        content = bytearray(file.read_bytes())
        for page in range(1, len(content) // 4096):
            content[page * 4096:page * 4096 + 100] = b"\xee" * 100
        file.write_bytes(content)
        for verb in (["info"], ["export"], ["compact"]):
            self.assertIn("starting the daemon saves what can be read", self.db(1, *verb).err)
        self.assertIn("starting the daemon saves", self.db(2, "import", self.folder / "list").err)

    def test_no_database(self):
        for verb in ("info", "check", "compact"):
            self.assertIn("does not exist", self.db(1, verb, data="nowhere").err)


class Live(DbTest):
    """Beside a daemon, which holds the peers in memory."""

    def setUp(self):
        super().setUp()
        self.made = self.daemon()
        self.data = str(self.made.data_dir)

    def test_import_and_export(self):
        done = self.db(0, "import", self.write("list", TEXT), data=self.data)
        self.assertEqual(done.out, "imported 2, skipped 0\n")
        self.assertEqual(set(self.made.peers()), {NOBODY, OTHER})
        self.assertEqual(set(self.exported(self.data)), {NOBODY, OTHER})
        self.made.kill()
        self.made.start()
        self.assertEqual(set(self.made.peers()), {NOBODY, OTHER}, "lost by a crash")

    def test_other_formats(self):
        done = self.db(1, "import", self.database("go.db", "go_waku_peerstore.sql"), data=self.data)
        self.assertEqual(done.out, "imported 2, skipped 1\n")
        (peer,) = [peer for peer in self.made.peers().values() if peer["agent"] == "go-waku"]
        self.assertIn("/vac/waku/relay/2.0.0", peer["protocols"])
        lines = "".join(f"/ip4/10.0.0.{i}/tcp/1/p2p/{OTHER}\n" for i in range(70))
        done = self.db(1, "import", "-", stdin=lines, data=self.data)
        self.assertIn("6 of its 70 addresses exceed the cap", done.err)

    def test_each_loss_has_its_reason(self):
        self.check_reasons(self.data)

    def test_many_in_several_requests(self):
        lines = "".join(f"/ip4/10.0.0.{i % 250}/tcp/{1 + i}/p2p/{NOBODY if i % 2 else OTHER}\n" for i in range(2000))
        done = self.db(1, "import", "-", stdin=lines, data=self.data)
        self.assertTrue(done.out.startswith("imported 2, "), done)

    def test_itself_is_no_peer(self):
        done = self.db(2, "import", "-", stdin=f"/ip4/127.0.0.1/tcp/1/p2p/{self.made.id}\n", data=self.data)
        self.assertIn("this node itself", done.err)

    def test_what_is_not_on_disk_is_said(self):
        link = sqlite3.connect(self.made.data_dir / "peers.db", isolation_level=None)
        link.execute("BEGIN EXCLUSIVE")
        done = self.db(1, "import", self.write("list", TEXT), data=self.data)
        self.assertEqual(done.out, "imported 2, skipped 0\n")
        self.assertRegex(done.err, r"taken in, but not on disk: .*peers\.db is locked")
        self.assertRegex(done.err, r"2 of them are in the daemon's memory only, which stores them as soon as it can")
        self.assertNotIn("next start", self.storage_health())
        link.execute("ROLLBACK")
        link.close()
        api.wait_for(lambda: len(self.exported(self.data)) == 2, "the daemon stores them by itself")
        body = json.dumps([{"peerId": OTHER}])
        _, _, text = api.http_call(self.made.netloc, "POST", "/admin/v1/peers/import", body,
                                   {"Content-Type": "application/json"})
        self.assertEqual(json.loads(text), [{"peerId": OTHER, "imported": True, "skipped": [], "durable": True}])

    def storage_health(self):
        return json.dumps(self.made.ask("GET", "/health")["protocolsHealth"][-1])

    def test_what_never_comes_to_disk_is_said(self):
        """A daemon that runs from memory until its next start: what is taken in ends with it."""
        self.made.terminate()
        link = sqlite3.connect(self.made.data_dir / "peers.db")
        link.execute("PRAGMA user_version = 999")
        link.commit()
        link.close()
        self.made.start()
        self.assertIn("until its next start the daemon runs from memory", self.storage_health())
        done = self.db(1, "import", self.write("list", TEXT), data=self.data)
        self.assertEqual(done.out, "imported 2, skipped 0\n")
        self.assertRegex(done.err, r"2 of them are in the daemon's memory only, and lost when it stops")
        self.assertNotIn("as soon as it can", done.err)

    def test_too_large_for_a_request(self):
        peer = {"peerId": NOBODY, "multiaddrs": [f"/dns4/{'a' * 60}.{'b' * 60}.{i}/tcp/1" for i in range(700)]}
        done = self.db(2, "import", "-", stdin=json.dumps(peer), data=self.data)
        self.assertIn("larger than 64 KiB", done.err)
        self.assertIn("stop the daemon", done.err)

    def test_care(self):
        self.db(0, "import", self.write("list", TEXT), data=self.data)
        self.assertEqual(json.loads(self.db(0, "info", "--json", data=self.data).out)["peers"], 2)
        self.assertIn("0 problems", self.db(0, "check", data=self.data).out)
        self.db(0, "compact", data=self.data)
        self.db(0, "import", "-", stdin=node_records()[0], data=self.data)
        self.assertEqual(len(self.exported(self.data)), 3)

    def test_the_call_refuses_what_it_must(self):
        headers = {"Content-Type": "application/json"}
        for body, status in (("{}", 400), ("[", 400), ("[{}]", 200), ("[" + "1," * 40000 + "1]", 413)):
            found, _, text = api.http_call(self.made.netloc, "POST", "/admin/v1/peers/import", body, headers)
            self.assertEqual(found, status, text)
        _, _, text = api.http_call(self.made.netloc, "POST", "/admin/v1/peers/import", "[{}]", headers)
        self.assertEqual(json.loads(text), [{"peerId": None, "imported": False, "skipped": ["\"peerId\" is missing"]}])


class ByAddress(DbTest):
    """--rest-address and --rest-port name a daemon, wherever its data directory is."""

    def setUp(self):
        super().setUp()
        self.made = self.daemon()
        self.write("list", TEXT)
        self.host, self.port = self.made.netloc.rsplit(":", 1)

    def test_the_daemon_that_is_named_takes_them(self):
        for given in ([f"--rest-port={self.port}"], [f"--rest-address={self.host}", f"--rest-port={self.port}"]):
            self.assertEqual(self.db(0, "import", "list", *given, data="none").out, "imported 2, skipped 0\n")
            self.assertEqual(set(self.made.peers()), {NOBODY, OTHER})
            self.assertFalse((self.folder / "none").exists())
            for peer in (NOBODY, OTHER):
                self.made.ask("DELETE", f"/admin/v1/peer/{peer}")

    def test_where_none_answers(self):
        self.made.kill()
        done = self.db(3, "import", "list", f"--rest-port={self.port}", data="none")
        self.assertIn(f"no daemon answers at http://127.0.0.1:{self.port}", done.err)
        self.assertFalse((self.folder / "none").exists())

    def test_a_daemon_has_its_own_capacity(self):
        done = self.db(2, "import", "list", f"--rest-port={self.port}", "--peer-store-capacity=1", data="none")
        self.assertIn("its own --peer-store-capacity", done.err)
        self.assertEqual(self.made.peers(), {})

    def test_in_the_environment_it_is_of_the_daemon_on_the_directory(self):
        env = {"WAKUPEERS_REST_PORT": self.port}
        self.assertEqual(self.db(0, "import", "list", data="mine", env=env).out, "imported 2, skipped 0\n")
        self.assertEqual((len(self.exported("mine")), self.made.peers()), (2, {}))
        self.db(0, "import", "list", data=self.made.data_dir, env=env)
        self.assertEqual(set(self.made.peers()), {NOBODY, OTHER})


class WithoutRest(DbTest):
    def test_a_daemon_without_rest(self):
        made = self.daemon(rest_admin="false")
        done = self.db(2, "import", self.write("list", TEXT), data=str(made.data_dir))
        self.assertIn("--rest-admin=true", done.err)


if __name__ == "__main__":
    api.main()

"""The REST interface: who may ask, what is taken, nwaku's paths, JSON and words, and ours beside."""

import concurrent.futures
import json
import socket
import time

import api
from api import NOBODY, NOBODYS_ADDRESS, PATIENCE, ApiTest, http_call, raw_http, wait_for

JSON = {"Content-Type": "application/json"}
WAKU_PEER = {"multiaddr": str, "protocols": list, "shards": list, "connected": str, "agent": str,
             "origin": str}
OURS = {"peerId": str, "protocolVersion": str, "clusterId": (int, type(None)), "addresses": list,
        "reason": str, "disconnectTime": (int, type(None)), "connectedTime": (int, type(None)),
        "direction": str, "static": bool, "heldOff": bool, "failures": int,
        "lastFailure": (int, type(None)), "rttMs": (float, type(None)),
        "enr": (str, type(None)), "capabilities": (list, type(None)), "tags": list, "score": int,
        "banned": bool, "bannedUntil": (int, type(None)),
        "nextDial": (int, type(None)), "heldBackBy": (str, type(None)), "connections": list}
CONNECTION = {"direction": str, "local": str, "remote": str, "security": str, "muxer": str, "since": int}
ADDRESS = {"address": str, "source": str, "confidence": str, "firstSeen": (int, type(None)),
           "lastSeen": (int, type(None)), "lastSuccess": (int, type(None)),
           "lastFailure": (int, type(None)), "ttlMs": (float, type(None)), "expires": (int, type(None))}


class RestTest(ApiTest):
    """One daemon for the tests of a class."""

    def setUp(self):
        super().setUp()
        self.made = self.daemon()

    def ask(self, method, path, body=None, headers=None):
        return http_call(self.made.netloc, method, path, body, headers)

    def check(self, value, shape):
        self.assertEqual(set(value), set(shape))
        for name, kind in shape.items():
            self.assertIsInstance(value[name], kind, name)

    def check_peer(self, peer):
        self.check(peer, {**WAKU_PEER, **OURS})
        self.assertIn(peer["connected"], ("NotConnected", "CannotConnect", "CanConnect", "Connected"))
        for each in peer["addresses"]:
            self.check(each, ADDRESS)
        for each in peer["connections"]:
            self.check(each, CONNECTION)


class WhoMayAsk(RestTest):
    def test_host(self):
        port = self.made.port
        for host in (f"127.0.0.1:{port}", "127.0.0.1", "localhost", f"LOCALHOST:{port}", "[::1]:80",
                     "10.1.2.3"):
            with self.subTest(host):
                self.assertEqual(self.ask("GET", "/version", headers={"Host": host})[0], 200)
        for host in ("evil.example", f"evil.example:{port}", "127.0.0.1.evil.example", "localhost.evil",
                     "1", "[::1", "[evil]", "2130706433", "", "x" * 300):
            with self.subTest(host):
                status, _, text = self.ask("GET", "/version", headers={"Host": host})
                self.assertEqual(status, 403)
                self.assertIn("Host", text)

    def test_origin(self):
        own = f"http://{self.made.netloc}"
        self.assertEqual(self.ask("GET", "/version", headers={"Origin": own})[0], 200)
        for origin in ("http://evil.example", "null", "http://127.0.0.1", own + "0", f"https://{self.made.netloc}"):
            with self.subTest(origin):
                status, headers, _ = self.ask("GET", "/version", headers={"Origin": origin})
                self.assertEqual(status, 403)
                self.assertNotIn("Access-Control-Allow-Origin", headers)

    def test_nothing_happens_for_a_stranger(self):
        for headers in ({"Host": "evil.example"}, {"Origin": "http://evil.example"}):
            for method, path, body in (("POST", "/admin/v1/peers", json.dumps([NOBODYS_ADDRESS])),
                                       ("DELETE", f"/admin/v1/peer/{NOBODY}", None),
                                       ("OPTIONS", "/admin/v1/peers", None)):
                self.assertEqual(self.ask(method, path, body, {**JSON, **headers})[0], 403)
        self.assertEqual(self.made.peers(), {})

    def test_post_takes_only_json(self):
        body = json.dumps([NOBODYS_ADDRESS])
        for kind in (None, "text/plain", "application/x-www-form-urlencoded", "multipart/form-data",
                     "application/jsonp", "application/json-patch+json"):
            with self.subTest(kind):
                headers = {} if kind is None else {"Content-Type": kind}
                for path in ("/admin/v1/peers", f"/admin/v1/peer/{NOBODY}/connect"):
                    status, _, text = self.ask("POST", path, body, headers)
                    self.assertEqual((status, text), (415, "POST takes Content-Type: application/json"))
        self.assertEqual(self.made.peers(), {})
        for kind in ("application/json", "application/json; charset=utf-8", "Application/JSON"):
            with self.subTest(kind):
                self.assertEqual(self.ask("POST", "/admin/v1/peers", "[]", {"Content-Type": kind})[0], 200)


class Bodies(RestTest):
    def test_largest(self):
        spaces = " " * (65536 - 2)
        self.assertEqual(self.ask("POST", "/admin/v1/peers", "[]" + spaces, JSON)[0], 200)
        for body in ("[]" + spaces + " ", " " * 500_000):
            status, _, text = self.ask("POST", "/admin/v1/peers", body, JSON)
            self.assertEqual(status, 413)
            self.assertIn("65536", text)

    def test_in_pieces(self):
        head = (f"POST /admin/v1/peers HTTP/1.1\r\nHost: {self.made.netloc}\r\n"
                "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n")
        small = b"1\r\n[\r\n1\r\n]\r\n0\r\n\r\n"
        self.assertIn(b" 200 ", raw_http(self.made.netloc, head.encode() + small))
        piece = b"1000\r\n" + b" " * 4096 + b"\r\n"
        self.assertIn(b" 413 ", raw_http(self.made.netloc, head.encode() + piece * 17 + b"0\r\n\r\n"))

    def test_without_end(self):
        """More than it is willing to throw away: it hangs up, and answers others meanwhile."""
        head = (f"POST /admin/v1/peers HTTP/1.1\r\nHost: {self.made.netloc}\r\n"
                "Content-Type: application/json\r\n")
        piece = b"10000\r\n" + b" " * 65536 + b"\r\n"
        with socket.create_connection(("127.0.0.1", self.made.port), timeout=PATIENCE) as link:
            link.sendall((head + "Transfer-Encoding: chunked\r\n\r\n").encode())
            with self.assertRaises(OSError):
                for _ in range(10_000):
                    link.sendall(piece)
        answer = raw_http(self.made.netloc, (head + "Content-Length: 9999999999\r\n\r\n").encode())
        self.assertIn(b" 413 ", answer)
        self.assertEqual(self.ask("GET", "/version")[0], 200)

    def test_that_are_wrong(self):
        for body, says in (("", "Failed to decode request: "), ("[", "Failed to decode request: "),
                           ("{}", "Failed to decode request: "), ('"x"', "Failed to decode request: "),
                           ("[" * 10000, "Failed to decode request: "), ("\xff", "Failed to decode request: "),
                           ("[1]", "Couldn't parse remote peer info: "),
                           ('["foo"]', "Couldn't parse remote peer info: "),
                           ('["/ip4/127.0.0.1/tcp/1"]', "Couldn't parse remote peer info: "),
                           (f'["/p2p/{NOBODY}"]', "Couldn't parse remote peer info: "),
                           (f'["{NOBODYS_ADDRESS}\\u0000"]', "")):
            with self.subTest(body[:40]):
                status, headers, text = self.ask("POST", "/admin/v1/peers", body.encode("latin-1"), JSON)
                self.assertEqual((status, headers["Content-Type"]), (400, "text/plain"))
                self.assertTrue(text.startswith(says), text)
        # One that is wrong: none of the others is taken.
        self.assertEqual(self.ask("POST", "/admin/v1/peers", f'["{NOBODYS_ADDRESS}", "foo"]', JSON)[0], 400)
        self.assertEqual(self.made.peers(), {})


class Http(RestTest):
    def test_paths(self):
        for path in ("/", "/nope", "/admin", "/admin/v1", "/admin/v1/peersx", "/admin/v1/peers/", "/admin/v2/peers",
                     "/admin/v1/peer", "/admin/v1/peer/", f"/admin/v1/peer/{NOBODY}/fly", "/info/x",
                     "/admin/v1/peer/" + "x" * 5000):
            with self.subTest(path[:60]):
                status, headers, text = self.ask("GET", path)
                self.assertEqual((status, headers["Content-Type"]), (404, "text/plain"), text)

    def test_methods(self):
        for method, path, allowed in (
                ("POST", "/info", "GET, HEAD"), ("DELETE", "/version", "GET, HEAD"),
                ("PUT", "/admin/v1/peers", "GET, HEAD, POST"), ("POST", "/admin/v1/peers/stats", "GET, HEAD"),
                ("POST", f"/admin/v1/peer/{NOBODY}", "GET, HEAD, DELETE"), ("PATCH", "/health", "GET, HEAD"),
                ("GET", f"/admin/v1/peer/{NOBODY}/connect", "POST"), ("GET", "/admin/v1/log-level/info", "POST")):
            with self.subTest(f"{method} {path}"):
                status, headers, _ = self.ask(method, path, headers=JSON)
                self.assertEqual((status, headers["Allow"]), (405, allowed))

    def test_head(self):
        for path in ("/version", "/admin/v1/peers", "/nope"):
            status, _, text = self.ask("HEAD", path)
            self.assertEqual((status, text), (self.ask("GET", path)[0], ""))

    def test_headers(self):
        _, headers, _ = self.ask("GET", "/info")
        self.assertEqual(headers["Content-Type"], "application/json")
        self.assertEqual(headers["X-Content-Type-Options"], "nosniff")
        self.assertEqual(headers["Cache-Control"], "no-store")

    def test_percent_encoding(self):
        encoded = "".join(f"%{ord(letter):02x}" for letter in NOBODY)
        status, _, text = self.ask("GET", f"/admin/v1/peer/{encoded}")
        self.assertEqual((status, text), (404, f"Peer with ID {NOBODY} not found"))
        self.assertEqual(self.ask("GET", "/%61dmin/v1/peers?x=y")[0], 200)
        status, headers, text = self.ask("GET", "/admin/v1/peer/%1b%5b31m%0a%ff%c3")
        self.assertEqual((status, headers["Content-Type"]), (400, "text/plain"))
        self.assertTrue(all(letter.isprintable() for letter in text), repr(text))

    def test_pipelined(self):
        ask = f"GET /version HTTP/1.1\r\nHost: {self.made.netloc}\r\n\r\n"
        last = f"GET /health HTTP/1.1\r\nHost: {self.made.netloc}\r\nConnection: close\r\n\r\n"
        answer = raw_http(self.made.netloc, (ask * 20 + last).encode()).decode()
        self.assertEqual(answer.count("HTTP/1.1 200 OK"), 21)
        self.assertTrue(answer.endswith("]}"))

    def test_old_and_broken_requests(self):
        answer = raw_http(self.made.netloc, b"GET /version HTTP/1.0\r\n\r\n")
        self.assertIn(b"200 OK", answer)
        for request in (b"GARBAGE\r\n\r\n", b"GET /version HTTP/1.1\r\nConnection: close\r\n\r\n",
                        b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x00\xff" * 50 + b"\r\n\r\n",
                        b"POST /admin/v1/peers HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: -1\r\n\r\n"):
            with self.subTest(request[:30]):
                self.assertNotIn(b" 200 ", raw_http(self.made.netloc, request))
        for begun in (b"", b"\r\n\r\n", b"GET /ver", b"POST /admin/v1/peers HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                      b"Content-Type: application/json\r\nContent-Length: 100\r\n\r\n["):
            with socket.create_connection(("127.0.0.1", self.made.port), timeout=PATIENCE) as link:
                link.sendall(begun)
            self.assertEqual(self.ask("GET", "/version")[0], 200)

    def test_many_at_once(self):
        def one(number):
            path = ("/version", "/info", "/admin/v1/peers", "/admin/v1/peers/stats", "/health")[number % 5]
            return http_call(self.made.netloc, "GET", path)[0]

        with concurrent.futures.ThreadPoolExecutor(32) as pool:
            self.assertEqual(set(pool.map(one, range(400))), {200})

    def test_slow_clients_hold_up_nobody(self):
        slow = []
        try:
            for _ in range(60):
                link = socket.create_connection(("127.0.0.1", self.made.port), timeout=PATIENCE)
                link.sendall(b"GET /admin/v1/peers HTT")
                slow.append(link)
            for _ in range(20):
                self.assertEqual(self.ask("GET", "/version")[0], 200)
            # They get their answer when they are done.
            rest = f"P/1.1\r\nHost: {self.made.netloc}\r\nConnection: close\r\n\r\n".encode()
            for link in slow:
                link.sendall(rest)
            for link in slow:
                self.assertIn(b"200 OK", link.recv(65536))
        finally:
            for link in slow:
                link.close()

    def test_more_connections_than_there_may_be(self):
        held = []
        try:
            for _ in range(200):
                held.append(socket.create_connection(("127.0.0.1", self.made.port), timeout=PATIENCE))
        finally:
            for link in held:
                link.close()
        wait_for(self.answers, "the server answers again")

    def answers(self):
        try:
            return self.ask("GET", "/version")[0] == 200
        except OSError:
            return False


class Shapes(RestTest):
    """nwaku's answers; its words are those of its sources (waku/rest_api/endpoint, v0.37.1)."""

    def test_info(self):
        info = json.loads(self.ask("GET", "/info")[2])
        self.assertEqual(info["listenAddresses"], [self.made.address])
        self.assertTrue(info["enrUri"].startswith("enr:-"), info)
        self.assertEqual(set(info), {"listenAddresses", "enrUri"})
        self.assertTrue(info["listenAddresses"][0].endswith(f"/p2p/{self.made.id}"))
        self.assertEqual(json.loads(self.ask("GET", "/debug/v1/info")[2]), info)

    def test_version(self):
        status, headers, text = self.ask("GET", "/version")
        self.assertEqual((status, headers["Content-Type"]), (200, "text/plain"))
        self.assertRegex(text, r"\A\d+\.\d+\.\d+\Z")
        self.assertEqual(self.ask("GET", "/debug/v1/version")[2], text)

    def test_health(self):
        health = json.loads(self.ask("GET", "/health")[2])
        self.assertEqual(set(health), {"nodeHealth", "protocolsHealth"})
        self.assertEqual(health["nodeHealth"], "READY")
        words = {"INITIALIZING", "SYNCHRONIZING", "READY", "NOT_READY", "NOT_MOUNTED", "SHUTTING_DOWN"}
        for entry in health["protocolsHealth"]:
            self.assertEqual(len(set(entry) - {"desc"}), 1, "nwaku's reader takes one protocol an entry")
            self.assertLessEqual({each for name, each in entry.items() if name != "desc"}, words)
        self.assertIn({"Relay": "NOT_MOUNTED"}, health["protocolsHealth"])
        self.assertIn({"Storage": "READY"}, health["protocolsHealth"])

    def test_what_this_node_does_not_do(self):
        relay = "Error: Relay Protocol is not mounted to the node"
        for path, status, text in (
                ("peers/relay", 503, relay), ("peers/mesh", 503, relay), ("peers/relay/on/0", 503, relay),
                ("peers/mesh/on/65535", 503, relay), ("filter/subscriptions", 400, relay.replace("Relay", "Filter"))):
            self.assertEqual(self.ask("GET", f"/admin/v1/{path}")[::2], (status, text))
        for word in ("x", "65536", "-1", "1x", "99999999999999999999"):
            for path in ("peers/relay/on", "peers/mesh/on", "peers/connected/on"):
                status, _, text = self.ask("GET", f"/admin/v1/{path}/{word}")
                self.assertEqual(status, 400)
                self.assertTrue(text.startswith("Invalid shardId: "), text)

    def test_one_peer(self):
        status, _, text = self.ask("GET", "/admin/v1/peer/foo")
        self.assertEqual(status, 400)
        self.assertTrue(text.startswith("Invalid argument: "), text)
        for method, path in (("GET", ""), ("DELETE", ""), ("POST", "/connect"), ("POST", "/disconnect")):
            status, headers, text = self.ask(method, f"/admin/v1/peer/{NOBODY}{path}", headers=JSON)
            self.assertEqual((status, headers["Content-Type"], text),
                             (404, "text/plain", f"Peer with ID {NOBODY} not found"))

    def test_peers(self):
        other = self.daemon()
        self.assertEqual(self.ask("POST", "/admin/v1/peers", json.dumps([other.address]), JSON)[::2], (200, "OK"))
        peer = self.made.wait_connected(other.id)
        self.check_peer(peer)
        self.assertEqual(peer["multiaddr"], other.address)
        self.assertEqual(peer["origin"], "Static")
        self.assertEqual((peer["reason"], peer["heldBackBy"], peer["nextDial"]), ("none", "connected", None))
        (connection,) = peer["connections"]
        self.assertEqual((connection["direction"], connection["security"], connection["muxer"]),
                         ("outbound", "/noise", "/yamux/1.0.0"))
        (address,) = peer["addresses"]
        self.assertEqual((address["source"], address["confidence"], address["ttlMs"], address["expires"]),
                         ("person", "connected", None, None))
        self.assertEqual((peer["enr"], peer["capabilities"], peer["tags"], peer["score"], peer["banned"]),
                         (None, None, [], 0, False))
        now = time.time() * 1000
        for at in (peer["connectedTime"], connection["since"], address["lastSuccess"], address["firstSeen"],
                   address["lastSeen"]):
            self.assertAlmostEqual(at, now, delta=PATIENCE * 1000)
        self.made.wait_peer(other.id, lambda peer: peer["clusterId"] == 1, "of its cluster")
        # The other end knows the same connection as inbound, and its remote address is no peer address.
        back = other.wait_connected(self.made.id)
        self.check_peer(back)
        self.assertEqual(back["connections"][0]["direction"], "inbound")
        self.assertNotIn(back["connections"][0]["remote"], [each["address"] for each in back["addresses"]])
        for path in ("peers", "peers/connected"):
            self.assertEqual([each["peerId"] for each in json.loads(self.ask("GET", f"/admin/v1/{path}")[2])],
                             [other.id])
        self.assertEqual(json.loads(self.ask("GET", "/admin/v1/peers/connected/on/0")[2]), [])
        self.assertEqual(json.loads(self.ask("GET", "/admin/v1/peers/service")[2]), [])

    def test_stats(self):
        other = self.daemon()
        self.made.connect(other.address)
        self.made.wait_connected(other.id)
        stats = json.loads(self.ask("GET", "/admin/v1/peers/stats")[2])
        self.assertEqual(list(stats), ["Sum", "By Connectedness", "Relay peers", "Mesh peers", "By Protocols"])
        self.assertEqual(stats["Sum"], {"Total peers": 1})
        self.assertEqual(stats["By Connectedness"], {"Connected": 1, "NotConnected": 0, "CannotConnect": 0,
                                                     "CanConnect": 0})
        self.assertEqual(stats["Relay peers"], {"Total relay peers": 0})
        self.assertEqual(stats["Mesh peers"], {"Total mesh peers": 0})
        self.assertEqual(stats["By Protocols"]["/ipfs/ping/1.0.0"], 1)
        self.assertEqual(stats["By Protocols"]["/vac/waku/relay/2.0.0"], 0)

    def test_admin_off(self):
        self.made.terminate()
        self.made.options["rest_admin"] = False
        self.made.start()
        for path in ("/admin/v1/peers", "/admin/v1/peers/stats"):
            status, _, text = self.ask("GET", path)
            self.assertEqual(status, 404)
            self.assertIn("--rest-admin=true", text)
        self.assertEqual(self.ask("GET", "/info")[0], 200)


class Wishes(RestTest):
    """What a person asks for."""

    def test_several_addresses_some_of_which_fail(self):
        others = [self.daemon(), self.daemon()]
        body = [others[0].address, NOBODYS_ADDRESS, others[1].address]
        status, text = self.made.request("POST", "/admin/v1/peers", body)
        self.assertEqual(status, 400)
        self.assertTrue(text.startswith(f"Failed to connect to peer at index: 1 - {NOBODYS_ADDRESS}"), text)
        self.assertIn("refused", text)
        # All are kept, and those that can be reached are connected.
        for other in others:
            self.made.wait_state(other.id, "Connected")
        peer = self.made.peer(NOBODY)
        self.check_peer(peer)
        self.assertEqual((peer["connected"], peer["reason"], peer["heldBackBy"]),
                         ("CannotConnect", "refused", "retry_delay"))
        self.assertEqual(peer["failures"], 1)
        self.assertGreater(peer["nextDial"], peer["lastFailure"])
        self.assertIsNotNone(peer["addresses"][0]["lastFailure"])

    def test_the_same_address_many_times(self):
        other = self.daemon()
        self.assertEqual(self.made.request("POST", "/admin/v1/peers", [other.address] * 50), (200, "OK"))
        self.assertEqual(len(self.made.peers()), 1)
        self.assertEqual(len(self.made.peer(other.id)["connections"]), 1)
        self.assertEqual(self.made.request("POST", "/admin/v1/peers", []), (200, "OK"))

    def test_ourselves(self):
        status, text = self.made.request("POST", "/admin/v1/peers", [self.made.address])
        self.assertEqual(status, 400)
        self.assertIn("is this node itself", text)
        self.assertEqual(self.made.peers(), {})

    def test_another_than_the_one_that_was_asked_for(self):
        other = self.daemon()
        status, text = self.made.request("POST", "/admin/v1/peers", [other.address.replace(other.id, NOBODY)])
        self.assertEqual(status, 400)
        self.assertIn("peer_id_mismatch", text)

    def test_disconnect_connect_remove(self):
        other = self.daemon()
        path = f"/admin/v1/peer/{other.id}"
        self.made.connect(other.address)
        self.assertEqual(self.made.ask("POST", f"{path}/disconnect", {}), "OK")
        peer = self.made.peer(other.id)
        self.assertEqual((peer["connected"], peer["reason"], peer["heldOff"], peer["heldBackBy"], peer["nextDial"]),
                         ("CanConnect", "person", True, "person", None))
        self.assertEqual(peer["connections"], [])
        other.wait_peer(self.made.id, lambda each: each["connected"] == "CanConnect", "CanConnect")
        self.assertEqual(self.made.ask("POST", f"{path}/connect", {}), "OK")
        peer = self.made.peer(other.id)
        self.assertEqual((peer["connected"], peer["heldOff"]), ("Connected", False))
        # Again is no error, and dials nothing. The other may have dialled back in the meantime, and
        # been faster than our own dial: that is to end first.
        self.made.until(lambda: self.made.metrics()["wakupeers_dials_in_flight"] == 0, "ends its dial")
        dials = self.made.metrics()['waku_peers_dials_total{outcome="successful"}']
        self.assertEqual(self.made.ask("POST", f"{path}/connect", {}), "OK")
        self.assertEqual(self.made.metrics()['waku_peers_dials_total{outcome="successful"}'], dials)
        # The other may dial again at once; it comes as a stranger then.
        self.assertTrue(self.made.peer(other.id)["static"])
        self.assertEqual(self.made.ask("DELETE", path), "OK")
        self.assertFalse((self.made.peer(other.id) or {"static": False})["static"])

    def test_a_peer_that_cannot_be_reached(self):
        self.made.request("POST", "/admin/v1/peers", [NOBODYS_ADDRESS])
        status, text = self.made.request("POST", f"/admin/v1/peer/{NOBODY}/connect", {})
        self.assertEqual(status, 502)
        self.assertTrue(text.startswith("Failed to connect: refused at connect"), text)

    def test_no_place(self):
        """What is configured waits for a place; a person does not."""
        others = [self.daemon() for _ in range(3)]
        self.made.terminate()
        self.made.options |= {"max_connections": 1, "staticnode": [each.address for each in others[:2]]}
        self.made.start()
        self.made.until(lambda: sorted(str(peer["heldBackBy"]) for peer in self.made.peers().values())
                        == ["connected", "no_place"], "holds one and not the other")
        self.assertEqual(self.made.connect(others[2].address), "OK")
        states = [peer["connected"] for peer in self.made.peers().values()]
        self.assertEqual(sorted(states), ["Connected", "Connected", "NotConnected"])

    def test_dials_that_hang_hold_up_nothing(self):
        """Peers that accept and then are silent; REST answers, and a stop ends the waiting."""
        with socket.create_server(("127.0.0.1", 0), backlog=16) as silent:
            port = silent.getsockname()[1]
            ids = [json.loads(self.expect(0, "key", "new", f"--data-dir=key-{i}", "--json").out)["peerId"]
                   for i in range(8)]
            waiting = []
            with concurrent.futures.ThreadPoolExecutor(8) as pool:
                for each in ids:
                    address = f"/ip4/127.0.0.1/tcp/{port}/p2p/{each}"
                    waiting.append(pool.submit(self.made.request, "POST", "/admin/v1/peers", [address]))
                self.made.until(lambda: self.made.metrics()["wakupeers_dials_in_flight"] == 8, "dials all")
                before = time.monotonic()
                for _ in range(20):
                    self.assertEqual(self.ask("GET", "/version")[0], 200)
                    self.assertEqual(self.made.peer(ids[0])["heldBackBy"], "dialling")
                self.assertLess(time.monotonic() - before, 5, "an answer does not wait for a dial")
                self.assertFalse(any(each.done() for each in waiting))
                # A client that goes away while it waits.
                with socket.create_connection(("127.0.0.1", self.made.port)) as gone:
                    gone.sendall(f"POST /admin/v1/peer/{ids[0]}/connect HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                                 "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}".encode())
                    self.assertEqual(self.ask("GET", "/version")[0], 200)
                # Removing a peer ends its dial, and tells who waits for it.
                self.assertEqual(self.made.ask("DELETE", f"/admin/v1/peer/{ids[0]}"), "OK")
                self.assertEqual(waiting[0].result(PATIENCE)[0], 400)
                self.made.terminate()
                for each in waiting[1:]:
                    self.assertIsInstance(self.outcome(each), (tuple, OSError, api.driver.http.client.HTTPException))

    @staticmethod
    def outcome(future):
        try:
            return future.result(PATIENCE)
        except (OSError, api.driver.http.client.HTTPException) as error:
            return error

    def test_a_dial_that_times_out(self):
        self.made.terminate()
        self.made.options["dial_timeout"] = "300ms"
        self.made.start()
        with socket.create_server(("127.0.0.1", 0)) as silent:
            address = f"/ip4/127.0.0.1/tcp/{silent.getsockname()[1]}/p2p/{NOBODY}"
            status, text = self.made.request("POST", "/admin/v1/peers", [address])
        self.assertEqual(status, 400)
        self.assertIn("dial_timeout at security", text)


class LongListings(RestTest):
    """An answer that is made as it is sent."""

    def test_whole_and_well_formed(self):
        self.made.terminate()
        count = 2000
        self.made.options["config_file"] = self.folder / "many.ini"
        ids = api.many_ids(count)
        self.made.options["config_file"].write_text(
            "".join(f"staticnode = /ip4/127.0.0.1/udp/1/quic-v1/p2p/{each}\n" for each in ids))
        self.made.start()
        listed = self.made.peers()
        self.assertEqual(set(listed), set(ids))
        for peer in list(listed.values())[:20]:
            self.check_peer(peer)
        # A reader that takes its time holds up nobody.
        with socket.create_connection(("127.0.0.1", self.made.port), timeout=PATIENCE) as link:
            link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
            link.sendall(f"GET /admin/v1/peers HTTP/1.1\r\nHost: {self.made.netloc}\r\n"
                         "Connection: close\r\n\r\n".encode())
            self.assertIn(b"200 OK", link.recv(2000))
            self.assertEqual(self.made.ask("DELETE", f"/admin/v1/peer/{ids[-1]}"), "OK")
            self.assertEqual(len(self.made.peers()), count - 1)
            pieces = []
            while piece := link.recv(65536):
                pieces.append(piece)
        self.assertTrue(b"".join(pieces).endswith(b"0\r\n\r\n"))
        # One that goes away in the middle, and a stop in the middle.
        for stop in (False, True):
            with socket.create_connection(("127.0.0.1", self.made.port), timeout=PATIENCE) as link:
                link.sendall(b"GET /admin/v1/peers HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
                link.recv(100)
                if stop:
                    self.made.terminate()
        self.assertIn("shutting down", self.made.log())


if __name__ == "__main__":
    api.main()

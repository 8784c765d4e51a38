"""The metrics: Prometheus' text format, nwaku's names, and what they count."""

import re

import api
from api import NOBODYS_ADDRESS, ApiTest, http_call

SAMPLE = re.compile(r'([a-zA-Z_:][a-zA-Z0-9_:]*)(\{(?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*",?)*\})? (\S+)\Z')
NWAKUS = {"waku_peers_dials_total": "counter", "waku_node_conns_initiated_total": "counter",
          "waku_peers_errors_total": "counter", "waku_node_errors_total": "counter",
          "waku_connected_peers": "gauge", "waku_streams_peers": "gauge",
          "waku_connected_peers_per_shard": "gauge", "waku_connected_peers_per_agent": "gauge",
          "waku_peer_store_size": "gauge", "waku_total_unique_peers": "gauge"}


def check_format(test, text):
    """Holds a whole exposition against the format; returns {name: type}."""
    test.assertTrue(text.endswith("\n"))
    types, helped, seen, current = {}, set(), set(), None
    for line in text[:-1].split("\n"):
        if line.startswith("# HELP "):
            name, text_of = line[7:].split(" ", 1)
            test.assertNotIn(name, helped, "one HELP a metric")
            test.assertTrue(text_of)
            helped.add(name)
            current = name
        elif line.startswith("# TYPE "):
            name, kind = line[7:].split(" ")
            test.assertEqual(name, current)
            test.assertNotIn(name, types)
            test.assertIn(kind, ("counter", "gauge"))
            test.assertEqual(kind == "counter", name.endswith("_total"), name)
            types[name] = kind
        else:
            match = SAMPLE.match(line)
            test.assertIsNotNone(match, line)
            test.assertEqual(match[1], current, "samples stand together, behind their TYPE")
            test.assertGreaterEqual(float(match[3]), 0)
            test.assertNotIn(match[1] + (match[2] or ""), seen, "one value a series")
            seen.add(match[1] + (match[2] or ""))
    test.assertEqual(set(types), helped)
    return types


class Metrics(ApiTest):
    def scrape(self, made):
        status, headers, text = http_call(made.metrics_netloc(), "GET", "/metrics")
        self.assertEqual((status, headers["Content-Type"]),
                         (200, "text/plain; version=0.0.4; charset=utf-8"))
        return text

    def test_format_and_names(self):
        made, other = self.daemon(), self.daemon()
        types = check_format(self, self.scrape(made))
        self.assertLessEqual(NWAKUS.items(), types.items())
        for name in types:
            self.assertRegex(name, r"\A(waku|wakupeers)_")
        made.connect(other.address)
        made.wait_connected(other.id)
        self.assertEqual(check_format(self, self.scrape(made)), types)

    def test_what_they_count(self):
        made, other = self.daemon(idle_timeout="200ms"), self.daemon()
        made.connect(other.address)
        agent = made.wait_connected(other.id)["agent"]
        made.request("POST", "/admin/v1/peers", [NOBODYS_ADDRESS])
        found = made.metrics()
        for name, value in (
                ('waku_peers_dials_total{outcome="successful"}', 1), ('waku_peers_dials_total{outcome="refused"}', 1),
                ('waku_node_conns_initiated_total{source="peer_manager"}', 1), ("waku_peer_store_size", 2),
                ('waku_peers_errors_total{type="storage_failure"}', 0),
                ('waku_connected_peers{direction="Out",protocol="/ipfs/ping/1.0.0"}', 1),
                (f'waku_connected_peers_per_agent{{agent="{agent}"}}', 1),
                ('wakupeers_peers{connectivity="Connected"}', 1), ('wakupeers_peers{connectivity="CannotConnect"}', 1),
                ("wakupeers_connections", 1), ("wakupeers_dials_in_flight", 0), ("wakupeers_storage_healthy", 1)):
            self.assertEqual(found.get(name), value, name)
        back = other.metrics()
        self.assertEqual(back['waku_connected_peers{direction="In",protocol="/ipfs/ping/1.0.0"}'], 1)
        self.assertEqual(back['wakupeers_connections_opened_total{direction="In"}'], 1)
        # Counters grow.
        made.until(lambda: made.metrics()["wakupeers_pongs_received_total"] >= 3, "pings")
        made.ask("POST", f"/admin/v1/peer/{other.id}/disconnect", {})
        after = made.metrics()
        # The other may have dialled by now, and was turned away for the same reason.
        self.assertGreaterEqual(after['wakupeers_connections_ended_total{reason="person"}'], 1)
        for name, value in found.items():
            if name.split("{")[0].endswith("_total"):
                self.assertGreaterEqual(after[name], value, name)

    def test_requests(self):
        made = self.daemon()
        netloc = made.metrics_netloc()
        self.assertEqual(http_call(netloc, "GET", "/")[0], 404)
        status, headers, _ = http_call(netloc, "POST", "/metrics", "{}", {"Content-Type": "application/json"})
        self.assertEqual((status, headers["Allow"]), (405, "GET, HEAD"))
        self.assertEqual(http_call(netloc, "HEAD", "/metrics")[::2], (200, ""))
        self.assertEqual(http_call(netloc, "GET", "/metrics?x=y")[0], 200)
        # On loopback as REST: no name that a web page could choose.
        self.assertEqual(http_call(netloc, "GET", "/metrics", headers={"Host": "evil.example"})[0], 403)
        self.assertEqual(http_call(netloc, "GET", "/metrics", headers={"Origin": "http://evil.example"})[0], 403)

    def test_under_any_name_where_others_may_read(self):
        made = self.daemon(metrics_server_address="0.0.0.0")
        port = made.metrics_netloc().split(":")[1]
        self.assertEqual(http_call(f"127.0.0.1:{port}", "GET", "/metrics", headers={"Host": "wakupeers:8008"})[0], 200)
        self.assertEqual(http_call(f"127.0.0.1:{port}", "GET", "/metrics",
                                   headers={"Host": "wakupeers:8008", "Origin": "http://evil.example"})[0], 403)

    def test_off(self):
        made = self.daemon(metrics_server=False)
        self.assertNotIn("metrics at", made.log())


if __name__ == "__main__":
    api.main()

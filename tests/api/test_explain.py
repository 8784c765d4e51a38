"""wakupeers explain, plan and history: why, what comes next (which then happens), and what happened."""

import json
import re
import signal
import time

import api
from api import NOBODY, NOBODYS_ADDRESS, ApiTest, words_of

LATE = 2000  # Milliseconds by which a busy machine may be late.
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"
STRANGER = "16Uiu2HAmRfTQQFTxLYE8xuS1rxmwk2NTgvqA9E2Czqdrea6uLEdn"


def now():
    return time.time() * 1000


class ExplainTest(ApiTest):
    def ask(self, command, *words, of=None, code=0):
        """What a command prints."""
        return self.expect(code, command, *words, f"--data-dir={(of or self.made).data_dir}")

    def told(self, command, *words, of=None):
        return json.loads(self.ask(command, *words, "--json", of=of).out)

    def explain(self, peer_id):
        found = self.told("explain", peer_id)
        self.assertEqual(set(found), {"peerId", "state", "reason", "next", "heldBy", "ping", "rtt"})
        self.assertEqual(set(found["next"]), {"action", "at"})
        self.assertEqual(set(found["heldBy"]), {"rule", "until"})
        self.assertEqual(set(found["ping"]), {"intervalMs", "timeoutMs"})
        self.assertEqual(set(found["rtt"]), {"lastMs", "averageMs", "minimumMs"})
        self.assertEqual(found["peerId"], peer_id)
        self.assertIn(found["state"], ("NotConnected", "CannotConnect", "CanConnect", "Connected"))
        self.assertIn(found["reason"], words_of("WPM_REASON_"))
        self.assertIn(found["next"]["action"], words_of("WPM_NEXT_", "explain.h") - {"none"} | {None})
        self.assertIn(found["heldBy"]["rule"], words_of("WPM_HELD_BY_", "manager.h") - {"nothing"} | {None})
        return found

    def wait_explained(self, peer_id, action, rule=None):
        return self.made.until(
            lambda: (lambda e: e if (e["next"]["action"], e["heldBy"]["rule"]) == (action, rule) else None)(
                self.explain(peer_id)), f"does not say {action} of {peer_id}")

    def event_after(self, peer_id, event, number):
        """Waits for the peer's first such event behind that number."""
        def found():
            events = [each for each in self.told("history", peer_id) if each["number"] > number]
            return next((each for each in reversed(events) if each["event"] == event), None)
        return self.made.until(found, f"tells of no {event} of {peer_id}")

    def latest_number(self):
        return max((each["number"] for each in self.told("history")), default=0)

    def lines(self, text):
        """{name: what is said} of an aligned text."""
        return {line[:18].strip(): line[18:] for line in text.splitlines()}

    def expect_then(self, at, happened):
        self.assertGreaterEqual(happened, at)
        self.assertLess(happened, at + LATE)


class Live(ExplainTest):
    """What is named for a live peer happens, at the time that is named."""

    def test_a_ping(self):
        self.made, other = self.daemon(idle_timeout="4s"), self.daemon()
        self.made.connect(other.address)
        self.made.wait_peer(other.id, lambda peer: peer["clusterId"] == 1 and peer["protocols"], "fully known")

        def settled():
            """What is said, and pings so far; None while bytes come that put the next off."""
            sent = self.made.metrics()["wakupeers_pings_sent_total"]
            first, second = self.explain(other.id), self.explain(other.id)
            return (second, sent) if first == second and sent == self.made.metrics()["wakupeers_pings_sent_total"] else None

        found, sent = self.made.until(settled, "does not come to rest")
        self.assertEqual((found["state"], found["reason"], found["next"]["action"]), ("Connected", "none", "ping"))
        self.assertEqual(found["heldBy"], {"rule": None, "until": None})
        self.made.until(lambda: self.made.metrics()["wakupeers_pings_sent_total"] > sent, "sends no ping")
        self.expect_then(found["next"]["at"], now())
        self.wait_explained(other.id, "ping")
        found, before = self.explain(other.id), found
        self.assertGreater(found["next"]["at"], before["next"]["at"])
        self.assertEqual(found["ping"], {"intervalMs": 2000, "timeoutMs": 3000})
        self.assertEqual(found["rtt"]["lastMs"], self.made.peer(other.id)["rttMs"])
        self.assertLessEqual(found["rtt"]["minimumMs"], min(found["rtt"]["averageMs"], found["rtt"]["lastMs"]))
        said = self.lines(self.ask("explain", other.id).out)
        self.assertEqual(said["pings"], "after 2s of silence, answer awaited for 3s")
        self.assertRegex(said["round trip"], r"\A[\d.]+ms, average [\d.]+ms, minimum [\d.]+ms\Z")

    def test_the_end_of_one_that_is_silent(self):
        self.made, other = self.daemon(idle_timeout="1s", ping_timeout="1s"), self.daemon()
        self.made.connect(other.address)
        self.made.wait_connected(other.id)
        number = self.latest_number()
        other.process.send_signal(signal.SIGSTOP)
        try:
            found = self.wait_explained(other.id, "close")
            ended = self.event_after(other.id, "disconnected", number)
        finally:
            other.process.send_signal(signal.SIGCONT)
        self.assertEqual((ended["reason"], ended["direction"]), ("ping_timeout", "outbound"))
        self.expect_then(found["next"]["at"], ended["time"])
        missed = [each for each in self.told("history", other.id)
                  if each["event"] == "ping_missed" and each["number"] > number]
        self.assertGreaterEqual(len(missed), 2)

    def test_a_dial_behind_a_prune_backoff(self):
        self.made, other = self.daemon(), self.daemon()
        transport, _, peer_id = other.address.partition("/p2p/")
        begun = time.time_ns()
        backoff = {"monoNs": 0, "wallNs": begun, "bootId": 1, "lengthNs": 2 * 10**9}
        self.made.ask("POST", "/admin/v1/peers/import", [
            {"peerId": peer_id, "multiaddrs": [transport], "addresses": [{"source": "person"}],
             "held": True, "pruneBackoff": backoff}])
        found = self.explain(peer_id)
        self.assertEqual((found["next"]["action"], found["heldBy"]["rule"]), ("dial", "prune_backoff"))
        self.assertEqual(found["heldBy"]["until"], found["next"]["at"])
        self.assertLessEqual(abs(found["next"]["at"] - begun / 10**6 - 2000), 1)
        self.expect_then(found["next"]["at"], self.event_after(peer_id, "dialled", 0)["time"])
        self.made.wait_connected(peer_id)

    def test_a_dial_behind_a_retry_delay(self):
        self.made = self.daemon(reconnect_min="1s")
        self.assertEqual(self.ask("peers", "add", NOBODYS_ADDRESS, code=1).out, "")
        number = self.latest_number()
        found = self.explain(NOBODY)
        self.assertEqual((found["state"], found["reason"], found["next"]["action"]), ("CannotConnect", "refused", "dial"))
        self.assertEqual(found["heldBy"], {"rule": "retry_delay", "until": found["next"]["at"]})
        self.assertEqual(self.made.peer(NOBODY)["nextDial"], found["next"]["at"])
        dialled = self.event_after(NOBODY, "dialled", number)
        self.expect_then(found["next"]["at"], dialled["time"])


class Chosen(ExplainTest):
    """With relay peers chosen, as the default is: no dial is told but those that come."""

    CANDIDATES = 20

    def setUp(self):
        super().setUp()
        self.made = self.daemon(start=False, staticnode=NOBODYS_ADDRESS, dial_private_addresses=True)
        del self.made.options["relay_outbound"]
        self.made.start()
        self.candidates = api.many_ids(self.CANDIDATES)
        self.made.ask("POST", "/admin/v1/peers/import",
                      [{"peerId": each, "multiaddrs": ["/ip4/127.0.0.1/tcp/1"]} for each in self.candidates])

    def history(self):
        return self.made.ask("GET", "/admin/v1/history")

    def look(self):
        """(number of the latest event, the plan, whether anybody waits only to be chosen): nothing happened in
        between; None: something did."""
        before, plan = self.history(), self.made.ask("GET", "/admin/v1/plan")
        any_candidate = any(each["heldBackBy"] == "target" for each in self.made.ask("GET", "/admin/v1/peers"))
        after = self.history()
        return (before[0]["number"], plan, any_candidate) if before[0]["number"] == after[0]["number"] else None

    @staticmethod
    def after(number, events):
        """The first event after that one, of those in their order; None: there is none."""
        return next((each for each in events if each["number"] > number), None)

    def kinds(self, looks, events):
        """Whose dials came next after a look: NOBODY's, a candidate's, or both."""
        following = (self.after(number, events) for number, _, _ in looks)
        return {each["peerId"] == NOBODY for each in following if each and each["event"] == "dialled"}

    def test_each_dial_that_is_told_comes_and_no_other_before_it(self):
        looks, seen = [], set()

        def is_enough():
            if look := self.look():
                looks.append(look)
            peer_id = self.candidates[len(looks) % self.CANDIDATES]
            found = self.explain(peer_id)
            self.assertEqual(found["next"], {"action": None, "at": None})
            self.assertIn(found["heldBy"]["rule"], ("retry_delay", "target", "dialling"))
            self.assertEqual(found["heldBy"]["until"] is None, found["heldBy"]["rule"] != "retry_delay")
            seen.add(found["heldBy"]["rule"])
            events = self.history()[::-1]
            dialled = [each for each in events if each["event"] == "dialled"]
            return (len(self.kinds(looks, events)) == 2 and "retry_delay" in seen
                    and sum(each["peerId"] == NOBODY for each in dialled) >= 4
                    and sum(each["peerId"] != NOBODY for each in dialled) >= 2 * self.CANDIDATES)

        self.made.until(is_enough, "does not dial")
        events = self.history()[::-1]
        for number, plan, any_candidate in looks:
            self.assertLessEqual({each["peerId"] for each in plan["dials"]}, {NOBODY})
            told = {each["peerId"]: each["at"] for each in plan["dials"]}
            following = self.after(number, events)
            if following and following["event"] == "dialled":
                at = told.get(NOBODY) if following["peerId"] == NOBODY else plan["choiceAt"]
                self.assertIsNotNone(at, (following, plan))
                self.assertGreaterEqual(following["time"] + 1, at, (following, plan))
                if any_candidate or following["peerId"] == NOBODY:  # Else nobody may be there to choose then.
                    self.assertLess(following["time"], at + LATE, (following, plan))
            for at in told.values():
                if at < events[-1]["time"] - LATE:
                    self.assertTrue(any(each["event"] == "dialled" and each["peerId"] == NOBODY and
                                        at - 1 <= each["time"] < at + LATE for each in events), (at, plan))

    def test_a_choice(self):
        said = self.lines(self.made.until(
            lambda: (lambda out: out if "next choice" in out else None)(self.ask("plan").out), "chooses nobody"))
        self.assertRegex(said["next choice"], rf"\A(now|in \d+\w+|\d+\w+ ago) \({TIME}\)\Z")
        self.assertFalse({"next feeler", "next rotation"} & set(said))
        plan = self.made.ask("GET", "/admin/v1/plan")
        self.assertEqual((plan["feelerAt"], plan["rotationAt"]), (None, None))
        self.wait_explained(self.candidates[0], None, "retry_delay")
        said = self.lines(self.ask("explain", self.candidates[0]).out)
        self.assertEqual(said["next"], "nothing")


class Commands(ExplainTest):
    def setUp(self):
        super().setUp()
        self.made = self.daemon(reconnect_min="1m")

    def columns(self, text):
        """The rows' cells; every column begins where its heading does."""
        head, *rows = text.splitlines()
        starts = [0] + [at for at in range(2, len(head)) if head[at] != " " and head[at - 2:at] == "  "]
        cut = [*starts, None]
        for row in rows:
            for start in starts[1:]:
                self.assertEqual(row[start - 2:start], "  ", f"not aligned:\n{text}")
        return [[row[cut[i]:cut[i + 1]].strip() for i in range(len(starts))] for row in (head, *rows)]

    def test_explain(self):
        other = self.daemon()
        self.made.connect(other.address)
        self.made.wait_connected(other.id)
        said = self.lines(self.ask("explain", other.id).out)
        self.assertEqual((said["peer"], said["state"]), (other.id, "Connected"))
        self.assertRegex(said["next"], rf"\Aping in \d+[ms] \({TIME}\)\Z")
        self.assertEqual(set(said), {"peer", "state", "next", "pings"})
        self.assertEqual(said["pings"], "after 300s of silence, answer awaited for 10s")
        self.ask("peers", "add", NOBODYS_ADDRESS, code=1)
        said = self.lines(self.ask("explain", NOBODY).out)
        self.assertEqual((said["state"], said["reason"]), ("CannotConnect", "refused"))
        self.assertRegex(said["next"], rf"\Adial in \d+[ms] \({TIME}\)\Z")
        self.assertRegex(said["held back by"], rf"\Aretry_delay, ends in \d+[ms] \({TIME}\)\Z")
        self.ask("peers", "disconnect", other.id)
        self.assertEqual(self.explain(other.id), {
            "peerId": other.id, "state": "CanConnect", "reason": "person", "next": {"action": None, "at": None},
            "heldBy": {"rule": "person", "until": None}, "ping": {"intervalMs": None, "timeoutMs": None},
            "rtt": {"lastMs": None, "averageMs": None, "minimumMs": None}})
        said = self.lines(self.ask("explain", other.id).out)
        self.assertEqual((said["next"], said["held back by"]), ("nothing", "person"))

    def test_history(self):
        self.assertEqual(self.told("history"), [])
        self.assertEqual(len(self.ask("history").out.splitlines()), 1)
        other = self.daemon()
        self.made.connect(other.address)
        self.made.wait_connected(other.id)
        self.ask("peers", "add", NOBODYS_ADDRESS, code=1)
        events = self.told("history")
        for each in events:
            self.assertEqual(set(each), {"number", "time", "peerId", "event", "reason", "cause", "direction"})
            self.assertIn(each["event"], words_of("WPM_HISTORY_", "explain.h"))
            self.assertIn(each["reason"], words_of("WPM_REASON_"))
            self.assertLess(abs(each["time"] - now()), 60_000)
        numbers = [each["number"] for each in events]
        self.assertEqual(numbers, list(range(len(events), 0, -1)))
        own = self.told("history", other.id)
        self.assertEqual(own, [each for each in events if each["peerId"] == other.id])
        self.assertEqual([each["event"] for each in own][-3:], ["connected", "dialled", "connect_asked"])
        self.assertIn({"event": "dial_failed", "reason": "refused", "cause": None, "direction": None, "peerId": NOBODY},
                      [{name: each[name] for name in each if name not in ("number", "time")} for each in events])
        head, *rows = self.columns(self.ask("history", NOBODY).out)
        self.assertEqual(head, ["TIME", "AGO", "PEER ID", "EVENT", "REASON", "DIRECTION"])
        self.assertRegex(rows[0][0], rf"\A{TIME}\Z")
        self.assertRegex(rows[0][1], r"\A\d+s ago\Z")
        # One that is gone keeps it.
        self.ask("peers", "remove", NOBODY)
        self.assertEqual(self.told("history", NOBODY)[0]["event"], "removed")
        done = self.ask("history", STRANGER, code=1)
        self.assertEqual((done.out, done.err), ("", f"wakupeers: Peer with ID {STRANGER} not found\n"))
        self.assertEqual(self.ask("explain", NOBODY, code=1).err, f"wakupeers: Peer with ID {NOBODY} not found\n")

    def test_history_is_bounded(self):
        for most in (0, 3):
            self.made = self.daemon(max_history=most, reconnect_min="1m")
            for _ in range(4):
                self.ask("peers", "add", NOBODYS_ADDRESS, code=1)
            events = self.told("history")
            self.assertEqual(len(events), most)
            self.assertTrue(all(each["number"] > 4 for each in events))
            self.assertEqual(self.told("history", NOBODY), events)

    def test_after_a_restart(self):
        other = self.daemon()
        self.made.connect(other.address)
        self.made.wait_connected(other.id)
        self.made.terminate()
        self.made.start()
        first = self.told("history")[-1]
        self.assertEqual((first["event"], first["reason"], first["peerId"]), ("restored", "shutdown", other.id))

    def test_plan(self):
        self.ask("peers", "add", NOBODYS_ADDRESS, code=1)
        found = self.told("plan")
        kept = found["places"].pop("keptFromInbound")
        self.assertEqual(found["places"], {"taken": 0, "kept": 0, "most": 300})
        self.assertEqual((found["ready"], found["waiting"]), (0, 1))
        self.assertEqual(set(found), {"places", "ready", "waiting", "dials", "choiceAt", "feelerAt", "rotationAt",
                                      "eviction", "crowded", "paths"})
        self.assertEqual((found["choiceAt"], found["feelerAt"], found["rotationAt"]), (None, None, None))
        (dial,) = found["dials"]
        self.assertEqual(dial["peerId"], NOBODY)
        self.assertEqual(dial["heldBy"], {"rule": "retry_delay", "until": dial["at"]})
        self.assertEqual(found["eviction"], {"peerId": None, "cause": None, "newcomers": 99_999})
        room = found["crowded"].pop("newcomers")
        self.assertEqual((kept, room), (1, 299))  # For the static peer.
        self.assertEqual(found["crowded"], {"peerId": None, "layer": None, "at": None})
        self.assertEqual({each["path"] for each in found["paths"]}, words_of("WPM_PATH_", "manager.h"))
        self.assertTrue(all(each == {"path": each["path"], "blocked": False, "silent": 0, "connections": 0}
                            for each in found["paths"]))
        lines, table = self.ask("plan").out.split("\n\n")
        said = self.lines(lines)
        self.assertEqual(said["places"], "0 of 300 taken, 0 kept for peers of the last run, 1 kept from inbound newcomers")
        self.assertEqual(said["to be dialled"], "0 ready, 1 waiting")
        self.assertEqual(said["next to go"], "nobody")
        self.assertEqual(said["makes place"], "nobody")
        head, row = self.columns(table)
        self.assertEqual(head, ["PEER ID", "DIAL", "TIME", "HELD BACK BY"])
        self.assertEqual((row[0], row[3]), (NOBODY, "retry_delay"))
        self.assertRegex(row[1], r"\Ain \d+[ms]\Z")
        self.assertRegex(row[2], rf"\A{TIME}\Z")

    def test_places_kept_for_outbound_peers(self):
        self.made = self.daemon(relay_outbound=10)
        found = self.told("plan")
        self.assertEqual(found["places"], {"taken": 0, "kept": 0, "keptFromInbound": 10, "most": 300})
        self.assertEqual(found["crowded"]["newcomers"], 290)
        self.made = self.daemon(relay_outbound=10, max_connections=12)
        self.assertEqual(self.told("plan")["places"]["keptFromInbound"], 6)  # At most half.

    def test_who_would_be_evicted_is_evicted(self):
        self.made = self.daemon(peer_store_capacity=1)
        imported = [{"peerId": NOBODY, "multiaddrs": ["/ip4/192.0.2.1/tcp/60000"]}]
        self.made.ask("POST", "/admin/v1/peers/import", imported)
        self.assertEqual(self.told("plan")["eviction"], {"peerId": NOBODY, "cause": "untried", "newcomers": 0})
        self.assertIn(f"{NOBODY} (untried), after 0 newcomers", self.ask("plan").out)
        other = self.daemon()
        self.made.connect(other.address)
        (latest, *_) = self.told("history", NOBODY)
        self.assertEqual((latest["event"], latest["cause"], latest["reason"]), ("evicted", "untried", "none"))
        self.assertEqual(self.columns(self.ask("history", NOBODY).out)[1][4], "untried")
        self.assertIsNone(self.told("plan")["eviction"]["peerId"])

    def test_who_would_make_place_does(self):
        self.made = self.daemon(max_connections=1)
        first, second = self.daemon(), self.daemon()
        first.connect(self.made.address)
        self.made.wait_connected(first.id)
        self.assertEqual(self.told("plan")["crowded"], {"peerId": None, "layer": None, "at": None, "newcomers": 0})
        self.assertEqual(self.made.ask("POST", f"/admin/v1/peer/{first.id}/score", {"score": -1000}), "OK")
        begun = now()
        crowded = self.told("plan")["crowded"]
        self.assertEqual((crowded["peerId"], crowded["layer"], crowded["newcomers"]), (first.id, "discouraged", 0))
        self.assertIn(crowded["layer"], words_of("WPM_CROWDED_", "explain.h") - {"nobody"})
        self.assertTrue(begun - LATE < crowded["at"] < now() + LATE)
        self.assertIn(f"{first.id} (discouraged), after 0 newcomers", self.ask("plan").out)
        number = self.latest_number()
        second.connect(self.made.address)
        gone = self.event_after(first.id, "disconnected", number)
        self.assertEqual((gone["reason"], gone["direction"]), ("crowded", "inbound"))
        self.made.wait_connected(second.id)
        self.assertEqual(self.made.ask("POST", f"/admin/v1/peer/{second.id}/score", {"score": -1000}), "OK")
        crowded = self.told("plan")["crowded"]
        self.assertEqual((crowded["peerId"], crowded["layer"]), (second.id, "discouraged"))
        self.assertLess(abs(crowded["at"] - gone["time"] - 10_000), LATE)  # One in ten seconds.
        self.assertRegex(self.ask("plan").out, r"\(discouraged\), after 0 newcomers, at the earliest in \d+s \(")

    def test_other_ways_to_the_daemon(self):
        self.ask("peers", "add", NOBODYS_ADDRESS, code=1)
        for command, *words in (("explain", NOBODY), ("plan",), ("history",), ("history", NOBODY)):
            self.expect(0, command, *words, f"--rest-port={self.made.port}")
            self.expect(0, command, *words, "--rest-address=127.0.0.1", f"--rest-port={self.made.port}")
            self.expect(0, command, *words, env={"WAKUPEERS_DATA_DIR": str(self.made.data_dir)})
            done = self.expect(3, command, *words, "--data-dir=none")
            self.assertEqual(done.out, "")
            self.assertIn("start one with: wakupeers run --data-dir=none", done.err)
            self.assertIn(f"usage: wakupeers {command}", self.expect(0, command, "--help").out)

    def test_words_that_are_wrong(self):
        for words, says in ((("explain",), "explain takes a peer id;"), (("explain", NOBODY, NOBODY), "explain takes a peer id;"),
                            (("plan", NOBODY), "plan takes no words;"), (("explain", "nobody"), "nobody"),
                            (("history", NOBODY, NOBODY), "history takes a peer id or nothing;")):
            done = self.ask(*words, code=2)
            self.assertEqual(done.out, "")
            self.assertIn(says, done.err)

    def test_rest(self):
        self.ask("peers", "add", NOBODYS_ADDRESS, code=1)
        for path in (f"/admin/v1/peer/{NOBODY}/explain", "/admin/v1/plan", "/admin/v1/history",
                     f"/admin/v1/peer/{NOBODY}/history"):
            status, headers, text = api.http_call(self.made.netloc, "GET", path)
            self.assertEqual((status, headers["Content-Type"]), (200, "application/json"))
            self.assertTrue(json.loads(text))
            status, headers, _ = api.http_call(self.made.netloc, "POST", path, "{}", {"Content-Type": "application/json"})
            self.assertEqual((status, headers["Allow"]), (405, "GET, HEAD"))
        for verb in ("explain", "history"):
            self.assertEqual(self.made.request("GET", f"/admin/v1/peer/nobody/{verb}")[0], 400)
            self.assertEqual(self.made.request("GET", f"/admin/v1/peer/{STRANGER}/{verb}"),
                             (404, f"Peer with ID {STRANGER} not found"))


class ClosedSets(ExplainTest):
    """The same words in the library's headers, in metric labels, in the log and in REST."""

    def test_metrics_and_log(self):
        self.made, other = self.daemon(log_level="trace", log_format="json", peer_store_capacity=2), self.daemon()
        self.made.connect(other.address)
        self.made.wait_connected(other.id)
        self.ask("peers", "add", NOBODYS_ADDRESS, code=1)
        self.ask("peers", "disconnect", other.id)
        self.ask("peers", "connect", other.id)
        with api.socket.create_connection(tuple(self.made.address.split("/")[2:5:2])) as link:
            link.sendall(b"GET / HTTP/1.1\r\n\r\n")
            link.recv(1000)
        other.kill()
        self.made.wait_peer(other.id, lambda peer: peer["connected"] != "Connected", "disconnected")
        self.made.until(lambda: any("waku_node_errors_total{" in name for name in self.made.metrics()), "counts no failure")
        reasons = words_of("WPM_REASON_")
        states = {"NotConnected", "CannotConnect", "CanConnect", "Connected"}
        allowed = {"outcome": reasons | {"successful"}, "type": reasons | {"storage_failure"}, "reason": reasons,
                   "cause": words_of("WPM_CAUSE_"), "result": words_of("WPM_CLUSTER_"), "connectivity": states,
                   "direction": {"In", "Out", "other"}, "source": {"peer_manager"}, "rule": words_of("WPM_INBOUND_", "manager.h") | words_of("WPM_INTAKE_", "manager.h"),
                   "of": {"descriptors", "memory"},
                   "transport": words_of("WPM_TRANSPORT_", "explain.h"), "ip": {"4", "6"},
                   "path": words_of("WPM_PATH_", "manager.h")}
        seen = set()
        for name in self.made.metrics():
            for label, value in re.findall(r'(\w+)="([^"]*)"', name):
                if label in allowed:
                    self.assertIn(value, allowed[label], name)
                    seen.add(label)
                else:
                    self.assertIn(label, ("protocol", "agent", "shard", "peerId"), name)
        self.assertEqual(seen, set(allowed))

        told = 0
        for line in map(json.loads, self.made.log().splitlines()):
            self.assertEqual(set(line), {"time", "level", "topic", "message"})
            self.assertIn(line["level"], words_of("WPM_LOG_"))
            match = re.fullmatch(r"\w{46,}: (\w+), (\w+)", line["message"])
            if line["topic"] == "peers" and match:
                self.assertIn(match[1], states)
                self.assertIn(match[2], reasons)
                told += 1
        self.assertGreaterEqual(told, 3)


if __name__ == "__main__":
    api.main()

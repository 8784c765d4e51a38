"""The peer store: all it knows of a peer is shown; at its capacity; on a disk that is slow."""

import contextlib
import ctypes
import http.client
import json
import os
import re
import select
import signal
import time
from pathlib import Path

import api
from api import NOBODY, NOBODYS_ADDRESS, ROOT, ApiTest, wait_for

PTRACE_ATTACH, PTRACE_DETACH, WAIT_FOR_THREADS = 16, 17, 0x40000000


def sleeping(thread):
    """Waits in the kernel, and so is not in the middle of anything that others wait for."""
    return (thread / "stat").read_text().rsplit(")", 1)[1].split()[0] == "S"


@contextlib.contextmanager
def without_other_threads(test, pid):
    """Stops all threads of a process but its first, as a disk that does not answer would."""
    libc = ctypes.CDLL(None, use_errno=True)
    stopped = []
    try:
        for thread in Path(f"/proc/{pid}/task").iterdir():
            number = int(thread.name)
            if number == pid:
                continue
            wait_for(lambda path=thread: sleeping(path), "the thread waits")
            if libc.ptrace(PTRACE_ATTACH, number, None, None) != 0:
                test.skipTest(f"no thread can be stopped here: {os.strerror(ctypes.get_errno())}")
            stopped.append(number)
            os.waitpid(number, WAIT_FOR_THREADS)
        yield
    finally:
        for number in stopped:
            libc.ptrace(PTRACE_DETACH, number, None, None)


class SlowDisk(ApiTest):
    def storage(self, made):
        return made.ask("GET", "/health")["protocolsHealth"][-1]

    def test_is_said(self):
        made = self.daemon()
        self.assertEqual(self.storage(made), {"Storage": "READY"})
        with without_other_threads(self, made.pid):
            # There is a change each second, the heartbeat.
            said = made.until(lambda: self.storage(made).get("desc"), "says nothing of the disk")
            self.assertEqual(self.storage(made)["Storage"], "READY")
            self.assertRegex(said, r"the disk is slow: changes of the last \d+\.\d s are not durable")
            self.assertGreater(made.metrics()["wakupeers_storage_lag_milliseconds"], 1000)
        made.until(lambda: self.storage(made) == {"Storage": "READY"}, "does not recover")
        made.until(lambda: made.metrics()["wakupeers_storage_lag_milliseconds"] == 0, "stays behind")

    def ask_in_vain(self, made, method, path, body, seen):
        """Sends a request that is done, as `seen` sees, and not answered. Returns its connection."""
        link = http.client.HTTPConnection(made.netloc, timeout=api.PATIENCE)
        self.addCleanup(link.close)
        link.request(method, path, body, {"Content-Type": "application/json"})
        made.until(seen, f"does not do {method} {path}")
        for _ in range(5):  # Each takes the loop round: an answer would have come.
            made.ask("GET", "/health")
        if select.select([link.sock], [], [], 0)[0]:
            answer = link.getresponse()
            self.fail(f"{method} {path} is answered: {answer.status} {answer.read()}")
        return link

    def test_what_a_person_asked_for_is_answered_when_it_is_durable(self):
        made, other = self.daemon(), self.daemon()
        made.connect(other.address)
        peer = f"/admin/v1/peer/{other.id}"
        imported = json.dumps([{"peerId": NOBODY, "multiaddrs": []}])
        nothing_to_see = lambda: True
        asked = (("POST", "/admin/v1/peers", json.dumps([other.address]), nothing_to_see),
                 ("POST", "/admin/v1/peers/import", imported, lambda: NOBODY in made.peers()),
                 ("POST", f"/admin/v1/peer/{NOBODY}/protect", "{}", lambda: made.peer(NOBODY)["tags"]),
                 ("POST", f"/admin/v1/peer/{NOBODY}/ban", "{}", lambda: made.peer(NOBODY)["banned"]),
                 ("POST", peer + "/connect", None, nothing_to_see),
                 ("POST", peer + "/disconnect", None, lambda: made.peer(other.id)["connected"] != "Connected"),
                 ("DELETE", peer, None, lambda: other.id not in made.peers()))
        other.process.send_signal(signal.SIGSTOP)  # It is not to dial back.
        self.addCleanup(other.process.send_signal, signal.SIGCONT)
        with without_other_threads(self, made.pid):
            # From the first heartbeat on there is something that is not durable.
            made.until(lambda: made.metrics()["wakupeers_storage_lag_milliseconds"] > 0, "no change comes")
            links = [self.ask_in_vain(made, *each) for each in asked]
        for (method, path, *_), link in zip(asked, links):
            answer = link.getresponse()
            self.assertEqual(answer.status, 200, f"{method} {path}: {answer.read()}")
        other.kill()
        made.kill()  # What was answered outlasts it.
        made.start()
        self.assertEqual(list(made.peers()), [NOBODY])
        self.assertTrue(made.peer(NOBODY)["banned"] and made.peer(NOBODY)["tags"])


class Shown(ApiTest):
    """What no peer of a test tells, taken in from a file."""

    HOUR_NS = 3600 * 10**9

    def record(self, **more):
        now = time.time_ns()
        address = {"source": "import", "firstSeenNs": now, "lastSeenNs": now, "ttlNs": self.HOUR_NS,
                   "expiresNs": now + self.HOUR_NS}
        return {"peerId": NOBODY, "connectivity": "NotConnected", "reason": "none", "origin": "Discv5",
                "direction": "none", "static": True, "multiaddrs": ["/ip4/127.0.0.1/tcp/1"], "addresses": [address], **more}

    def taken_in(self, record):
        made = self.daemon(start=False)
        self.expect(0, "db", "import", f"--data-dir={made.data_dir}", "-", stdin=json.dumps(record))
        made.start()
        return made, made.peer(record["peerId"])

    def ban(self, length_ns):
        # Of another boot: the wall clock decides.
        return {"monoNs": 1, "wallNs": time.time_ns(), "bootId": 1, "lengthNs": length_ns}

    def test_all_of_it(self):
        lines = (ROOT / "tests" / "data" / "enr.txt").read_text().splitlines()
        enr, sequence, _, peer_id, waku2 = next(line.split()[:5] for line in lines
                                                if line.startswith("enr:") and line.split()[4] == "11")
        tags = [{"name": "relay-mesh", "value": 7, "protects": True}, {"name": "spare", "value": -1, "protects": False}]
        lasting = {"expires": None, "halfLifeMs": None}
        made, peer = self.taken_in(self.record(
            peerId=peer_id, enr=enr, enrSequence=int(sequence), capabilitiesKnown=True,
            capabilities=int(waku2), score=-3,
            tags=[{name: value for name, value in tag.items() if value is not False} for tag in tags],
            ban=self.ban(self.HOUR_NS)))
        self.assertEqual((peer["enr"], peer["capabilities"]), (enr, ["relay", "store", "lightpush"]))
        self.assertEqual((peer["tags"], peer["score"], peer["banned"]), ([{**tag, **lasting} for tag in tags], -3, True))
        self.assertAlmostEqual(peer["bannedUntil"] / 1000, time.time() + 3600, delta=60)
        self.assertEqual((peer["heldBackBy"], peer["nextDial"]), ("ban", peer["bannedUntil"]))
        (address,) = peer["addresses"]
        self.assertEqual((address["confidence"], address["ttlMs"]), ("heard", 3600e3))
        self.assertAlmostEqual(address["expires"] / 1000, time.time() + 3600, delta=60)
        shown = self.expect(0, "peers", "show", peer_id, f"--data-dir={made.data_dir}").out
        for line in (f"enr               {enr}", "capabilities      relay", "                  lightpush",
                     "tags              relay-mesh, value 7, protects true", "score             -3",
                     "banned            true"):
            self.assertIn(line + "\n", shown)
        self.assertRegex(shown, r"\nbannedUntil +in (1h|59m)\n")
        self.assertRegex(shown, r"/ip4/127.0.0.1/tcp/1, import, heard, firstSeen \w+ ago, .*expires in (1h|59m)\n")

    def test_a_ban_without_end(self):
        _, peer = self.taken_in(self.record(ban=self.ban(2**63 - 1)))
        self.assertEqual((peer["banned"], peer["bannedUntil"]), (True, None))
        self.assertEqual((peer["heldBackBy"], peer["nextDial"]), ("ban", None))

    def test_a_ban_that_is_over(self):
        _, peer = self.taken_in(self.record(ban=self.ban(1)))
        self.assertEqual((peer["banned"], peer["bannedUntil"]), (False, None))


class Capacity(ApiTest):
    def evicted(self, made):
        return {re.search(r'"(\w+)"', name)[1]: value for name, value in made.metrics().items()
                if name.startswith("wakupeers_evicted_total") and value > 0}

    def test_the_least_useful_goes(self):
        """Connected and static peers stay; the one that was connected once goes, on disk too."""
        made = self.daemon(peer_store_capacity=3)
        static = self.daemon()
        visitor = self.daemon(staticnode=made.address)
        made.connect(static.address)
        made.request("POST", "/admin/v1/peers", [NOBODYS_ADDRESS])
        made.wait_connected(visitor.id)
        self.assertEqual(set(made.peers()), {static.id, NOBODY, visitor.id})
        newcomer = self.daemon()
        status, text = made.request("POST", "/admin/v1/peers", [newcomer.address])
        self.assertEqual(status, 400)
        self.assertIn("the peer cannot be kept: ", text)
        self.assertEqual(made.metrics()["wakupeers_newcomers_refused_total"], 1)
        self.assertEqual(self.evicted(made), {})

        visitor.terminate()
        made.wait_peer(visitor.id, lambda peer: peer["connected"] != "Connected", "gone")
        made.connect(newcomer.address)
        self.assertEqual(set(made.peers()), {static.id, NOBODY, newcomer.id})
        (cause,) = self.evicted(made)
        self.assertIn(cause, ("lost", "parted"))
        self.assertEqual(made.metrics()["waku_peer_store_size"], 3)
        made.terminate()
        made.options["peer_store_capacity"] = 0
        made.start()
        self.assertEqual(set(made.peers()), {static.id, NOBODY, newcomer.id})

    def test_a_lower_one(self):
        """Of what is stored the most useful are taken."""
        made = self.daemon()
        others = [self.daemon() for _ in range(2)]
        for each in others:
            each.connect(made.address)
        made.wait_connected(others[0].id)
        made.wait_connected(others[1].id)
        made.connect(others[0].address)  # Static from now on.
        made.terminate()
        made.options["peer_store_capacity"] = 1
        made.start()
        self.assertEqual(set(made.peers()), {others[0].id})


if __name__ == "__main__":
    api.main()

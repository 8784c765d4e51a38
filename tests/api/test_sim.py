"""wakupeers sim: scenarios, what they print, and how they end."""

import json
import re

import api
from api import ApiTest

POLICIES = ["ours", "nwaku", "go-waku", "js-waku"]


class Sim(ApiTest):
    def test_list(self):
        lines = self.expect(0, "sim", "--list").out.splitlines()
        self.assertGreaterEqual(len(lines), 12)
        names = [line.split()[0] for line in lines]
        self.assertEqual(names, sorted(names))
        for line in lines:
            self.assertRegex(line, r"\A[a-z_]+ +\S.{10,}\Z")

    def test_json(self):
        first = self.expect(0, "sim", "crash", "--json", "--seed=9").out
        self.assertEqual(first, self.expect(0, "sim", "crash", "--json", "--seed=9").out)
        lines = [json.loads(line) for line in first.splitlines()]
        self.assertEqual(list(dict.fromkeys(line["policy"] for line in lines)), POLICIES)
        for line in lines:
            self.assertEqual((line["scenario"], line["seed"]), ("crash", 9))
            self.assertIsInstance(line["value"], int)
            self.assertLessEqual(set(line), {"scenario", "seed", "policy", "metric", "value", "expected", "met"})
        self.assertTrue(all(line.get("met", True) for line in lines))

    def test_csv(self):
        lines = self.expect(0, "sim", "crash", "--csv").out.splitlines()
        self.assertEqual(lines[0], "scenario,seed,policy,metric,value")
        self.assertTrue(all(re.fullmatch(r"crash,1,[a-z-]+,[a-z_]+,-?\d+", line) for line in lines[1:]))

    def test_what_is_not_met_is_a_failure(self):
        done = self.expect(1, "sim", "crash", "--expect=dials <= 3", "--expect=dials >= 1")
        self.assertIn("FAILED dials <= 3: ", done.out)
        self.assertIn("met    dials >= 1: ", done.out)
        self.assertIn("--seed=1", done.err)

    def test_one_policy_alone(self):
        """It measures what it does beside the others; nothing is expected of a rival, so none fails."""
        lines = self.expect(0, "sim", "crash", "--json").out.splitlines()
        for policy in POLICIES:
            with self.subTest(policy):
                alone = [line for line in lines if f'"policy":"{policy}"' in line]
                self.assertEqual(self.expect(0, "sim", "crash", f"--policy={policy}", "--json").out.splitlines(), alone)
                self.assertEqual(any('"expected"' in line for line in alone), policy == "ours")
        self.assertEqual(self.expect(0, "sim", "crash", "--policy", "all", "--json").out.splitlines(), lines)
        unmet = "--expect=dials <= 0"
        self.assertIn("FAILED dials", self.expect(1, "sim", "crash", "--policy=ours", unmet).out)
        done = self.expect(0, "sim", "crash", "--policy=go-waku", unmet, "--report=page.html")
        self.assertRegex(done.out, r"(?m)^ +go-waku$")
        self.assertIn("\nnothing is expected of go-waku\n", done.out)
        self.assertNotIn("FAILED", done.out)
        page = (self.folder / "page.html").read_text()
        self.assertIn("<p>Nothing is expected of go-waku.</p>", page)
        self.assertEqual(re.findall("Peers by state: ([a-z-]+)", page), ["go-waku"])
        lines = self.expect(0, "sim", "crash", "--policy=js-waku", "--csv").out.splitlines()
        self.assertTrue(all(line.startswith("crash,1,js-waku,") for line in lines[1:]))
        self.assertGreater(len(lines), 20)

    def test_page(self):
        states = [f"Peers by state: {policy}" for policy in POLICIES]
        groups = "Network groups (IPv4 /16) among outbound peers"
        share = "The attacker's share of the outbound peers, in per cent"
        for scenario, diversity in (("crash", [groups]), ("eclipse", [groups, share])):
            self.expect(0, "sim", scenario, "--report=page.html")
            page = (self.folder / "page.html").read_text()
            self.assertEqual(re.findall(r"<figcaption>(.*?)</figcaption>", page),
                             ["Peers connected", "Dials in flight", "Peers held back by a delay", *diversity, *states,
                              "Peers of the world that are up"])
            self.assertIn("<svg ", page)
            self.assertNotRegex(page, "http|src=|href=|url\\(|<script|<link")
            self.expect(0, "sim", scenario, "--report=again.html")
            self.assertEqual((self.folder / "again.html").read_text(), page)
        done = self.expect(1, "sim", "crash", "--report=nowhere/page.html")
        self.assertIn("nowhere/page.html", done.err)

    def test_wrong_usage(self):
        for words, says in ((("sim",), "--list"), (("sim", "nothing"), "no scenario nothing"),
                            (("sim", "crash", "restart"), "one scenario"), (("sim", "crash", "--list"), "--list"),
                            (("sim", "crash", "--seed=-1"), "--seed"), (("sim", "crash", "--json", "--csv"), "--csv"),
                            (("sim", "crash", "--expect=dials"), "dials"),
                            (("sim", "crash", "--policy=theirs"), "all|ours|nwaku|go-waku|js-waku")):
            with self.subTest(words):
                done = self.expect(2, *words)
                self.assertEqual(done.out, "")
                self.assertIn(says, done.err)


if __name__ == "__main__":
    api.main()

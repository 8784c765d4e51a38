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

    def test_page(self):
        self.expect(0, "sim", "crash", "--report=page.html")
        page = (self.folder / "page.html").read_text()
        self.assertIn("<svg ", page)
        self.assertNotIn("http", page)
        done = self.expect(1, "sim", "crash", "--report=nowhere/page.html")
        self.assertIn("nowhere/page.html", done.err)

    def test_wrong_usage(self):
        for words, says in ((("sim",), "--list"), (("sim", "nothing"), "no scenario nothing"),
                            (("sim", "crash", "restart"), "one scenario"), (("sim", "crash", "--list"), "--list"),
                            (("sim", "crash", "--seed=-1"), "--seed"), (("sim", "crash", "--json", "--csv"), "--csv"),
                            (("sim", "crash", "--expect=dials"), "dials")):
            with self.subTest(words):
                done = self.expect(2, *words)
                self.assertEqual(done.out, "")
                self.assertIn(says, done.err)


if __name__ == "__main__":
    api.main()

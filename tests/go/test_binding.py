#!/usr/bin/python3
"""The Go binding in the tree: formatted, vetted, and its tests, go-libp2p's own suites among them, under
the race detector with nothing set."""

import re
import unittest
from pathlib import Path

import gotest


class Binding(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.go = gotest.go_program()

    def test_format(self):
        gofmt = Path(gotest.run(self.go, "env", "GOROOT", env=gotest.environment()).strip()) / "bin" / "gofmt"
        folders = [gotest.ROOT / folder for folder in ("bindings/go", "bench/go", "tests/go", "tests/interop/go")]
        self.assertEqual(gotest.run(gofmt, "-l", *folders), "")

    def test_vet(self):
        gotest.run(self.go, "vet", "./...", cwd=gotest.BINDING, env=gotest.environment())

    def test_suites(self):
        gotest.run(self.go, "test", "-race", "-count=1", "./...", cwd=gotest.BINDING,
                   env=gotest.environment())

    def test_benchmarks(self):
        """go-libp2p's own run on both backends; bench/go is what measures them."""
        told = gotest.run(self.go, "test", "-run=^$", "-bench=.", "-benchtime=1x", "./...", cwd=gotest.BINDING,
                          env=gotest.environment())
        rows = set(re.findall(r"^Benchmark(\w+/\w+)/([A-Za-z]+)", told, re.MULTILINE))
        self.assertEqual({name for name, _ in rows}, {f"{book}/{backend}" for book in ("Peerstore", "KeyBook")
                                                      for backend in ("memory", "sqlite")}, told)
        for name in ("memory", "sqlite"):
            self.assertEqual({row for book, row in rows if book == f"Peerstore/{name}"},
                             {"AddAddrs", "GetAddrs", "GetAndClearAddrs", "PeersWithAddrs", "SetAddrs"})
            self.assertEqual({row for book, row in rows if book == f"KeyBook/{name}"},
                             {"PubKey", "AddPubKey", "PrivKey", "AddPrivKey", "PeersWithKeys"})


if __name__ == "__main__":
    gotest.main()

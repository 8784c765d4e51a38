#!/usr/bin/python3
"""The Go binding in the tree: formatted, vetted, and its tests, go-libp2p's own suites among them, under
the race detector with nothing set."""

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


if __name__ == "__main__":
    gotest.main()

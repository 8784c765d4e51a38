#!/usr/bin/python3
"""A Go module outside the tree builds against what `make install` brings, by pkg-config, and runs."""

import re
import shutil
import tempfile
import unittest
from pathlib import Path

import gotest


class Installed(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.go = gotest.go_program()
        directory = tempfile.TemporaryDirectory()
        cls.addClassCleanup(directory.cleanup)
        cls.work = Path(directory.name)
        gotest.run("cmake", "--install", gotest.BUILD, "--prefix", cls.work / "first")
        shutil.move(cls.work / "first", cls.work / "moved") # Nothing may depend on where it was made.
        (cls.pkgconfig,) = (cls.work / "moved").glob("lib*/**/pkgconfig")

    def build(self, name, binding, *arguments):
        """The program of tests/go/outside as a module of its own, which requires what the binding does."""
        module = self.work / name
        module.mkdir()
        shutil.copy(Path(__file__).parent / "outside" / "main.go", module)
        shutil.copy(binding / "go.sum", module)
        mod = (binding / "go.mod").read_text().replace("module wakupeers/pstorewpm", "module outside")
        (module / "go.mod").write_text(f"{mod}\nrequire wakupeers/pstorewpm v0.0.0\n"
                                       f"replace wakupeers/pstorewpm => {binding}\n")
        environment = gotest.environment(PKG_CONFIG_PATH=str(self.pkgconfig), GOFLAGS="-mod=mod -buildvcs=false")
        gotest.run(self.go, "build", *arguments, "-o", "program", ".", cwd=module, env=environment)
        return module / "program"

    def check(self, program):
        needed = gotest.run("readelf", "-d", program)
        self.assertIn("[libwakupeers.so.0]", needed)
        self.assertIsNone(re.search(r"R(UN)?PATH.*build/release", needed), "not that of the tree")
        said = gotest.run(program, program.with_suffix(".db"),
                          env=gotest.environment(LD_LIBRARY_PATH=str(self.pkgconfig.parent)))
        self.assertEqual(said, "1 peer at /ip4/192.0.2.1/tcp/60000\n")

    def test_the_installed_module(self):
        installed = self.work / "moved" / "share" / "wakupeers" / "go"
        self.check(self.build("installed", installed))
        self.assertFalse(list(installed.glob("*_test.go")) + list(installed.glob("link_tree.go")))

    def test_the_module_of_the_tree_by_its_tag(self):
        # Copied: what Go keeps of a build does not know that pkg-config says something else by now.
        tree = self.work / "tree"
        shutil.copytree(gotest.BINDING, tree)
        self.check(self.build("tagged", tree, "-tags", "wakupeers_pkgconfig"))


if __name__ == "__main__":
    gotest.main()

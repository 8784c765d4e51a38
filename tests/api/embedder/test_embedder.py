"""A program outside the tree builds against the installed library, and runs.

Installs into a fresh prefix, moves it (nothing in it may depend on where it was made), and builds
the same few lines by pkg-config and by find_package, each against the shared and the static
library. The examples of docs/embedding.md are built the same way, and print what that page shows.
"""

import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[2]
BUILD = os.environ["WAKUPEERS_BUILD_DIR"]


def run(*command, **more):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, **more)
    if done.returncode != 0:
        raise AssertionError(f"{command}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def needed_by(program):
    """The shared libraries that a program names."""
    return re.findall(r"NEEDED.*\[(.+)\]", run("readelf", "-d", program))


class Embedder(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        directory = tempfile.TemporaryDirectory()
        cls.addClassCleanup(directory.cleanup)
        cls.work = pathlib.Path(directory.name)
        run("cmake", "--install", BUILD, "--prefix", cls.work / "first")
        shutil.move(cls.work / "first", cls.work / "moved")
        cls.prefix = cls.work / "moved"
        (pkgconfig,) = cls.prefix.glob("lib*/**/pkgconfig")
        cls.libdir = pkgconfig.parent
        cls.environment = dict(os.environ, PKG_CONFIG_PATH=str(pkgconfig))
        cls.version = run("pkg-config", "--modversion", "wakupeers", env=cls.environment).strip()

    def check(self, program, shared):
        self.assertEqual("libwakupeers.so.0" in needed_by(program), shared, needed_by(program))
        output = run(program, env=dict(os.environ, LD_LIBRARY_PATH=str(self.libdir)))
        self.assertEqual(output, f"wakupeers {self.version} holds 1 peer\n")

    def flags(self, *arguments):
        return run("pkg-config", *arguments, "wakupeers", env=self.environment).split()

    def test_pkg_config_shared(self):
        program = self.work / "shared"
        run("cc", "-Wall", "-Wextra", "-Werror", HERE / "embedder.c", *self.flags("--cflags"), "-o",
            program, *self.flags("--libs"))
        self.check(program, shared=True)

    def test_pkg_config_static(self):
        program = self.work / "static"
        libs = [flag.replace("-lwakupeers", "-l:libwakupeers.a")
                for flag in self.flags("--static", "--libs")]
        run("cc", HERE / "embedder.c", *self.flags("--cflags"), "-o", program, *libs)
        self.check(program, shared=False)

    def test_find_package(self):
        run("cmake", "-S", HERE, "-B", self.work / "build", "-G", "Ninja",
            f"-DCMAKE_PREFIX_PATH={self.prefix}")
        run("cmake", "--build", self.work / "build")
        self.check(self.work / "build" / "embedder-shared", shared=True)
        self.check(self.work / "build" / "embedder-static", shared=False)

    def test_installed_program(self):
        output = run(self.prefix / "bin" / "wakupeers", "--version",
                     env={"PATH": os.environ["PATH"]})
        self.assertIn(self.version, output)

    def test_what_is_installed_beside_the_program(self):
        pages = {path.name for path in (self.prefix / "share" / "man" / "man1").iterdir()}
        self.assertEqual(pages, {path.name for path in (ROOT / "docs" / "man").iterdir()})
        script = self.prefix / "share" / "bash-completion" / "completions" / "wakupeers"
        self.assertEqual(script.read_text(), run(self.prefix / "bin" / "wakupeers", "completion", "bash"))

    def shown(self, example):
        """What docs/embedding.md shows of it: the text block behind its link."""
        page = (ROOT / "docs" / "embedding.md").read_text()
        return re.search(rf"^\[examples/{example}\.c\].*?```text\n(.*?)```", page, re.M | re.S)[1]

    def example(self, name, *packages):
        program = self.work / name
        flags = run("pkg-config", "--cflags", "--libs", "wakupeers", *packages, env=self.environment).split()
        run("cc", "-std=c11", "-Wall", "-Wextra", "-Werror", "-D_GNU_SOURCE",
            ROOT / "docs" / "examples" / f"{name}.c", *flags, "-o", program)
        return program

    def test_example_store(self):
        self.assertEqual(self.run_example(self.example("store")), self.shown("store"))

    def test_example_manager(self):
        self.assertEqual(self.run_example(self.example("manager")), self.shown("manager"))

    def run_example(self, program, *arguments):
        return run(program, *arguments, env=dict(os.environ, LD_LIBRARY_PATH=str(self.libdir)))

    def test_example_node(self):
        program = self.example("node", "libuv")
        daemon = subprocess.Popen(
            [str(self.prefix / "bin" / "wakupeers"), "run", f"--data-dir={self.work}/data", "--tcp-port=0",
             "--listen-address=127.0.0.1", "--rest=false", "--metrics-server=false"],
            stderr=subprocess.PIPE, text=True)
        self.addCleanup(daemon.stderr.close)
        self.addCleanup(daemon.wait)
        self.addCleanup(daemon.kill)
        for line in daemon.stderr:
            if address := re.search(r"listening on (\S+)", line):
                break
        said = self.run_example(program, address[1], self.work / "peers.db")
        documented = re.search(r"^(\w+):", self.shown("node"))[1]
        self.assertEqual(said.replace(address[1].rsplit("/", 1)[1], documented), self.shown("node"))
        self.assertTrue((self.work / "peers.db").exists())

    def test_only_the_public_headers_are_installed(self):
        installed = {path.name for path in (self.prefix / "include").rglob("*") if path.is_file()}
        public = {path.name for path in (ROOT / "include" / "wakupeers").iterdir()}
        self.assertEqual(installed, public)


if __name__ == "__main__":
    unittest.main()

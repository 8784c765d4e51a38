"""wakupeers sim: the same seed gives the same bytes, whatever compiled the program and whatever it runs on."""

import os
import subprocess
import unittest

import api
from api import ApiTest, clean_environment, program

# Where several builds are tested together: tools/test.sh names their programs. The first compares.
PROGRAMS = [path for path in os.environ.get("WPM_TEST_PROGRAMS", "").split(":") if path] or [program()]
# What the C library is not to use then.
MASKED = "glibc.cpu.hwcaps=-AVX2,-AVX2_Usable,-FMA,-FMA_Usable,-FMA4,-FMA4_Usable,-AVX512F,-AVX512F_Usable"


class SameBytes(ApiTest):
    def scenarios(self):
        names = [line.split()[0] for line in self.expect(0, "sim", "--list").out.splitlines()]
        return [name for name in names if name != "million"]

    def printed(self, path, name, **env):
        """All that this program prints of a scenario."""
        done = subprocess.run([path, "sim", name, "--seed=3", "--json"], capture_output=True, check=False,
                              timeout=4 * api.PATIENCE, cwd=self.folder,
                              env={**clean_environment(HOME=str(self.folder)), **env})
        self.assertEqual((done.returncode, done.stderr), (0, b""), path)
        return done.stdout

    @unittest.skipIf(program() != PROGRAMS[0], "done once, from the first build")
    def test_the_same_bytes_of_gcc_and_clang_release_and_debug_whatever_the_processor_can_do(self):
        """Each build also without what the C library then does by other versions of its functions. `make test` has
        four builds, a single one is held against itself."""
        masked = {"GLIBC_TUNABLES": MASKED, "LC_ALL": "C"}
        for name in self.scenarios():
            ours = self.printed(program(), name)
            for build in PROGRAMS:
                with self.subTest(name, program=build):
                    self.assertEqual(self.printed(build, name, **masked), ours)


if __name__ == "__main__":
    api.main()

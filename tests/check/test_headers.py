"""Every public header stands alone: as strict C11 and as C++17, included first, with no warning."""

import pathlib
import subprocess
import unittest

INCLUDE = pathlib.Path(__file__).resolve().parent.parent.parent / "include"
LANGUAGES = (
    ["gcc", "-x", "c", "-std=c11"],
    ["clang", "-x", "c", "-std=c11"],
    ["clang", "-x", "c++", "-std=c++17"],
)


class Headers(unittest.TestCase):
    def test_each_header_alone(self):
        headers = sorted((INCLUDE / "wakupeers").glob("*.h"))
        self.assertTrue(headers)
        for header in headers:
            for language in LANGUAGES:
                with self.subTest(header=header.name, language=" ".join(language)):
                    done = subprocess.run(
                        [*language, "-Wall", "-Wextra", "-pedantic", "-Werror", "-fsyntax-only",
                         "-I", str(INCLUDE), "-"],
                        input=f"#include <wakupeers/{header.name}>\n", capture_output=True, text=True)
                    self.assertEqual(done.returncode, 0, done.stderr)


if __name__ == "__main__":
    unittest.main()

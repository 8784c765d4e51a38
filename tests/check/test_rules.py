"""The checks of the house's own rules find what they are for.

Each rule is broken on purpose, and its check must fail and name the breach; next to it, what keeps
the rule must pass.
"""

import pathlib
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
TOOLS = HERE.parent.parent / "tools"


def run(tool, *arguments):
    done = subprocess.run([sys.executable, str(TOOLS / tool), *map(str, arguments)],
                          capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


class Symbols(unittest.TestCase):
    """check_symbols.py on objects compiled from impure/."""

    def check(self, source, folder, stem=None):
        with tempfile.TemporaryDirectory() as directory:
            built = pathlib.Path(directory) / f"{stem or source}.o"
            subprocess.run(["cc", "-O2", "-fPIC", "-c", str(HERE / "impure" / f"{source}.c"),
                            "-o", str(built)], check=True)
            return run("check_symbols.py", "--folder", folder, "--partial", "--objects", built)

    def refused(self, source, folder, symbol, stem=None):
        code, output = self.check(source, folder, stem)
        self.assertEqual(code, 1, output)
        self.assertIn(symbol, output)

    def test_pure_object_passes(self):
        for folder in ("base", "core", "proto"):
            code, output = self.check("pure", folder)
            self.assertEqual(code, 0, output)

    def test_system_is_refused(self):
        for folder in ("base", "core", "proto"):
            for source, symbol in (("clock", "clock_gettime"), ("socket", "socket"),
                                   ("file", "fopen"), ("environment", "getenv"),
                                   ("thread", "pthread_create"), ("loop", "uv_now"),
                                   ("sql", "sqlite3_open"), ("random", "getrandom")):
                with self.subTest(folder=folder, source=source):
                    self.refused(source, folder, symbol)

    def test_crypto_object_may_not_draw_random_bytes(self):
        self.refused("crypto_random", "proto", "RAND_bytes", stem="crypto")
        self.refused("crypto_random", "proto", "randombytes_buf", stem="crypto")

    def test_crypto_libraries_are_for_the_crypto_object(self):
        self.refused("crypto_elsewhere", "proto", "crypto_sign_detached", stem="noise")
        code, output = self.check("crypto_elsewhere", "proto", stem="crypto")
        self.assertEqual(code, 0, output)

    def test_initialisation_is_for_node(self):
        self.refused("init_elsewhere", "core", "wpm_crypto_init", stem="manager")

    def test_mutable_state_is_refused(self):
        self.refused("state", "base", "number")
        self.refused("state", "core", "number")

    def test_unused_entry_of_a_list_is_named(self):
        with tempfile.TemporaryDirectory() as directory:
            directory = pathlib.Path(directory)
            (directory / "base.txt").write_text("free\nmemmove\ntime # never used\n?unused\n")
            built = directory / "pure.o"
            subprocess.run(["cc", "-O2", "-c", str(HERE / "impure" / "pure.c"), "-o", str(built)],
                           check=True)
            code, output = run("check_symbols.py", "--folder", "base", "--objects", built,
                               "--allow", directory)
            self.assertEqual(code, 1, output)
            self.assertIn("base.txt: time is allowed, but nothing uses it", output)
            self.assertNotIn("?unused", output)


class Tree(unittest.TestCase):
    """check_includes.py and check_style.py on a small tree of our own making."""

    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.addCleanup(self.directory.cleanup)
        self.root = pathlib.Path(self.directory.name)

    def write(self, path, text):
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text)

    def verdict(self, tool):
        return run(tool, "--root", self.root)

    def test_allowed_includes_pass(self):
        self.write("include/wakupeers/a.h", "#include <stdint.h>\n#include <wakupeers/types.h>\n")
        self.write("src/core/a.c", '#include "base/map.h"\n#include "core/a.h"\n#include <string.h>\n')
        self.write("src/proto/crypto.c", '#include "proto/crypto.h"\n#include <sodium.h>\n')
        self.write("src/net/a.c", '#include "proto/noise.h"\n#include <uv.h>\n')
        self.write("src/node/a.c", '#include "core/a.h"\n#include "storage/a.h"\n')
        self.write("app/a.c", '#include "app/a.h"\n#include <jansson.h>\n#include <wakupeers/node.h>\n')
        code, output = self.verdict("check_includes.py")
        self.assertEqual(code, 0, output)

    def test_forbidden_includes_are_named(self):
        for path, line in (
                ("src/base/a.c", '#include "core/store.h"'),
                ("src/core/a.c", '#include "proto/noise.h"'),
                ("src/core/a.c", '#include "storage/sqlite.h"'),
                ("src/proto/a.c", '#include "core/store.h"'),
                ("src/storage/a.c", '#include "core/store.h"'),
                ("src/net/a.c", '#include "node/node.h"'),
                ("src/core/a.c", '#include "../node/node.h"'),
                ("src/core/a.c", "#include <time.h>"),
                ("src/base/a.c", "#include <unistd.h>"),
                ("src/proto/a.c", "#include <uv.h>"),
                ("src/proto/noise.c", "#include <sodium.h>"),
                ("src/proto/noise.c", "#include <openssl/evp.h>"),
                ("src/net/a.c", "#include <sqlite3.h>"),
                ("src/node/a.c", "#include <jansson.h>"),
                ("app/a.c", '#include "core/store.h"'),
                ("app/a.c", '#include "../src/core/store.h"'),
                ("app/a.c", "#include <sqlite3.h>"),
                ("sim/a.c", '#include "core/store.h"'),
                ("bench/a.c", '#include "core/store.h"'),
                ("include/wakupeers/a.h", "#include <uv.h>"),
                ("include/wakupeers/a.h", '#include "base/map.h"')):
            with self.subTest(path=path, line=line):
                self.write(path, line + "\n")
                code, output = self.verdict("check_includes.py")
                self.assertEqual(code, 1, output)
                self.assertIn(f"{path}:1: includes", output)
                (self.root / path).unlink()

    def test_style(self):
        self.write("src/base/good.c", "int f(int n);\nint f(int n) {\n  return n;\n}\n")
        code, output = self.verdict("check_style.py")
        self.assertEqual(code, 0, output)
        for text, complaint in (
                ("int f(void) {\n" + "  g();\n" * 80 + "}\n", "a function of 82 lines"),
                ("\n" * 901, "901 lines"),
                ("/* " + "TO" + "DO: more */\n", "unfinished"),
                ("int f(void) {\n  return getenv(name) != 0;\n}\n", "getenv in the library"),
                ("int f(wpm_step s) {\n  switch (s) {\n  case WPM_STEP_A:\n    return 1;\n"
                 "  default:\n    return 0;\n  }\n}\n", "`default:` in a switch")):
            with self.subTest(complaint=complaint):
                self.write("src/base/bad.c", text)
                code, output = self.verdict("check_style.py")
                self.assertEqual(code, 1, output)
                self.assertIn(complaint, output)
        (self.root / "src/base/bad.c").unlink()
        self.write("src/base/bad.h", "#pragma once\n")
        code, output = self.verdict("check_style.py")
        self.assertEqual(code, 1, output)
        self.assertIn("opens with a comment", output)

    def test_fuzz_target_needs_a_corpus(self):
        self.write("fuzz/fuzz_base_a.c", "int f(void);\n")
        code, output = self.verdict("check_style.py")
        self.assertEqual(code, 1, output)
        self.assertIn("no corpus in fuzz/corpus/base_a", output)
        self.write("fuzz/corpus/base_a/empty", "")
        code, output = self.verdict("check_style.py")
        self.assertEqual(code, 0, output)


class Exports(unittest.TestCase):
    """check_exports.py on small libraries against a small set of headers."""

    HEADER = ("/* A header. */\n#define API __attribute__((visibility(\"default\")))\n"
              "#ifdef __cplusplus\nextern \"C\" {\n#endif\n"
              "typedef int (*wpm_callback)(int);\nstruct wpm_pair {\n  int a;\n};\n"
              "static inline int wpm_half(int n) {\n  return n / 2;\n}\n"
              "WPM_API int wpm_one(struct wpm_pair *pair);\n"
              "WPM_API wpm_callback\nwpm_two(void);\n"
              "#ifdef __cplusplus\n}\n#endif\n")

    def verdict(self, source, header=HEADER):
        with tempfile.TemporaryDirectory() as directory:
            directory = pathlib.Path(directory)
            (directory / "include/wakupeers").mkdir(parents=True)
            (directory / "include/wakupeers/a.h").write_text(header)
            (directory / "a.c").write_text(source)
            subprocess.run(["cc", "-shared", "-fPIC", "-o", str(directory / "a.so"),
                            str(directory / "a.c")], check=True)
            return run("check_exports.py", "--root", directory, directory / "a.so")

    def test_exact_match_passes(self):
        code, output = self.verdict("int wpm_one(void) { return 1; } int wpm_two(void) { return 2; }")
        self.assertEqual(code, 0, output)
        self.assertIn("2 functions declared, 2 symbols exported", output)

    def test_leaked_symbol_is_named(self):
        code, output = self.verdict("int wpm_one, wpm_two; int pb_encode(void) { return 1; }")
        self.assertEqual(code, 1, output)
        self.assertIn("pb_encode is exported but no public header declares it", output)

    def test_missing_function_is_named(self):
        code, output = self.verdict("int wpm_one(void) { return 1; }")
        self.assertEqual(code, 1, output)
        self.assertIn("wpm_two is declared but not exported", output)

    def test_unmarked_declaration_is_named(self):
        code, output = self.verdict("int wpm_one, wpm_two, wpm_three;",
                                    self.HEADER + "int wpm_three(void);\n")
        self.assertEqual(code, 1, output)
        self.assertIn("wpm_three is declared without WPM_API", output)


if __name__ == "__main__":
    unittest.main()

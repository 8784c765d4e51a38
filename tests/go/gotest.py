"""What the tests of the Go binding share."""

import os
import subprocess
import sys
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BINDING = ROOT / "bindings" / "go"
BUILD = Path(os.environ["WAKUPEERS_BUILD_DIR"])

sys.path.insert(0, str(ROOT / "tests" / "interop"))
import peers  # It knows which Go will do.

go_program = peers.go_program


def environment(**more):
    """The toolchain of the machine, modules as installed, no network, no flags for the C compiler."""
    return {**{name: value for name, value in peers.go_environment().items()
               if not name.startswith("CGO_")}, **more}


def run(*command, **more):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False,
                          **more)
    if done.returncode != 0:
        raise AssertionError(f"{command}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def main():
    """Exit code 77 where every test was skipped, which says why."""
    result = unittest.main(module="__main__", exit=False).result
    if not result.wasSuccessful():
        sys.exit(1)
    if result.skipped and len(result.skipped) >= result.testsRun:
        print(result.skipped[0][1])
        sys.exit(77)

"""wakupeers sim million: a day of a million peers. What memory ours may take for it, and what the others measure
and take in the same world; each alone in a process of its own. With WPM_TEST_LONG set: that is minutes."""

import json
import os
import subprocess
import unittest

import api
from api import ApiTest, clean_environment, program
from test_sim import POLICIES

MEMORY = 1536 << 20  # Bytes resident at most.
SHOWN = ("facts", "dials", "dials_failed", "dials_early", "connected_mean", "outbound_end", "inbound_refused",
         "pings", "idle_drops", "dead_mean", "known_end", "broken")


class Million(ApiTest):
    def measured(self, policy):
        """What it printed, as {metric: value}, how it ended, CPU seconds, and bytes resident at most."""
        with open(self.folder / "out", "wb+") as out:
            process = subprocess.Popen([program(), "sim", "million", f"--policy={policy}", "--json"], stdout=out,
                                       cwd=self.folder, env=clean_environment(HOME=str(self.folder)))
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            out.seek(0)
            lines = [json.loads(line) for line in out]
        self.assertEqual({line["policy"] for line in lines}, {policy})
        return ({line["metric"]: line["value"] for line in lines}, process.returncode,
                usage.ru_utime + usage.ru_stime, usage.ru_maxrss << 10)

    @unittest.skipUnless(os.environ.get("WPM_TEST_LONG"), "takes minutes; make test-long does it")
    def test_a_day_of_a_million_peers(self):
        runs = [self.measured(policy) for policy in POLICIES]
        rows = [("", POLICIES), ("CPU, s", [f"{run[2]:.1f}" for run in runs]),
                ("resident, MiB", [run[3] >> 20 for run in runs]),
                *((metric, [run[0][metric] for run in runs]) for metric in SHOWN)]
        for name, cells in rows:
            print(f"{name:16}" + "".join(f" {cell:>10}" for cell in cells), flush=True)
        self.assertEqual([run[1] for run in runs], [0] * len(runs))
        for run in runs:
            self.assertGreater(run[0]["facts"], 18_000_000)
        self.assertLessEqual(runs[0][3], MEMORY)


if __name__ == "__main__":
    api.main()

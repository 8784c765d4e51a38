#!/usr/bin/python3
"""`wakupeers explain` on a live relay peer: the action and the time that it names are the ones that the
peer sees."""

import json
import time

import daemon
import harness
from harness import relay_host

LATE = 1000  # Milliseconds that a dial, or a busy machine, may take.


def unix(event):
    """When an event was, in milliseconds since 1970: those of peers are on the monotonic clock."""
    return event["t"] + (time.time() - time.monotonic()) * 1000


class Explain(harness.InteropTest):
    def explain(self, node, host):
        code, out, err = daemon.run_cli("explain", host.id, "--json", f"--data-dir={node.data_dir}")
        self.assertEqual((code, err), (0, ""))
        return json.loads(out)

    def come_to_rest(self, node, host):
        """What is said once no more bytes come that put the next ping off."""
        def said():
            first, second = self.explain(node, host), self.explain(node, host)
            return second if first == second and second["next"]["action"] == "ping" else None
        return node.until(said, "does not name a ping")

    def test_what_is_named_happens(self):
        host = self.peer("js-libp2p", [relay_host()]).hosts[0]
        node = self.daemon(staticnode=host.address, idle_timeout="6s", prune_backoff="3s", backoff_slack="500ms")
        node.wait_connected(host.id)
        host.wait("ping_received", peer=node.id)  # What comes first has come.
        mark = host.peer.mark()
        found = self.come_to_rest(node, host)
        self.assertEqual((found["state"], found["reason"]), ("Connected", "none"))
        self.assertEqual(found["heldBy"], {"rule": None, "until": None})
        pinged = unix(host.wait("ping_received", peer=node.id, since=mark))
        self.assertTrue(found["next"]["at"] - 5 <= pinged < found["next"]["at"] + LATE, (found, pinged))

        mark = host.peer.mark()
        host.call("disconnect", peer=node.id)
        node.wait_state(host.id, "CanConnect")
        found = self.explain(node, host)
        self.assertEqual((found["state"], found["next"]["action"]), ("CanConnect", "dial"))
        self.assertEqual(found["heldBy"], {"rule": "prune_backoff", "until": found["next"]["at"]})
        accepted = unix(host.wait("tcp_accept", since=mark))
        self.assertTrue(found["next"]["at"] - 5 <= accepted < found["next"]["at"] + LATE, (found, accepted))
        node.wait_connected(host.id)


if __name__ == "__main__":
    harness.main()

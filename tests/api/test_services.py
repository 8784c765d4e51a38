"""Places reserved for peers of a service."""

import json

import api
from api import ApiTest, wait_for

METADATA = "/vac/waku/metadata/1.0.0"


class Services(ApiTest):
    def knows(self, made, *others, **more):
        """`made` knows of the others, as of peers that it never met."""
        lines = [json.dumps({"peerId": other.id, "multiaddrs": [other.address.split("/p2p/")[0]],
                             "protocols": [METADATA], **more}) for other in others]
        (self.folder / "peers.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
        self.expect(0, "db", "import", f"--data-dir={made.data_dir}", "peers.jsonl")

    def test_as_many_as_are_wanted_are_held(self):
        others = [self.daemon() for _ in range(3)]
        made = self.daemon(relay_outbound=0, service_slots=f"{METADATA}:2", dial_private_addresses=True)
        self.knows(made, *others)
        wait_for(lambda: made.metrics()["wakupeers_connections"] == 2, "two to be connected")
        held = [other for other in others if made.peer(other.id)["connected"] == "Connected"]
        self.assertEqual(len(held), 2)
        # One that stops is replaced by the one that is left.
        (left,) = [other for other in others if other not in held]
        held[0].terminate()
        made.wait_state(left.id, "Connected")

    def test_without_it_nobody_is_dialled(self):
        other = self.daemon()
        made = self.daemon(relay_outbound=0, dial_private_addresses=True)
        self.knows(made, other)
        self.assertEqual(made.peer(other.id)["heldBackBy"], "not_wanted")

    def test_what_it_takes(self):
        for bad in ("store", "store:0", "store:1001", ":2", "storage:1", "store:x", "store:-1"):
            done = self.expect(2, "run", f"--service-slots={bad}")
            self.assertIn(f'--service-slots: "{bad}" is no service and number; it takes store,', done.err)
        many = [f"--service-slots=/a/{i}:1" for i in range(33)]
        self.assertIn("--service-slots: 33 services; it takes at most 32", self.expect(2, "run", *many).err)


if __name__ == "__main__":
    api.main()

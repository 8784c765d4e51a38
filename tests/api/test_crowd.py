"""Watermarks: above the high one connections go until the low one is reached."""

import api
from api import ApiTest, wait_for


class Crowd(ApiTest):
    def test_they_go_down_to_the_low_one(self):
        made = self.daemon(relay_outbound=0, high_water=3, low_water=1, grace="0s", prune_backoff="1h")
        others = [self.daemon(staticnode=made.address) for _ in range(4)]

        def crowded():
            return [each for each in made.peers().values() if each["reason"] == "crowded"]

        wait_for(lambda: len(crowded()) == 3, "three to go")
        self.assertEqual({each["connected"] for each in crowded()}, {"CanConnect"})
        self.assertEqual({each["heldBackBy"] for each in crowded()}, {"not_wanted"})
        self.assertEqual(made.metrics()["wakupeers_connections"], 1)
        self.assertEqual(made.metrics()['wakupeers_connections_ended_total{reason="crowded"}'], 3)
        self.assertEqual(len(others), 4)

    def test_what_is_configured_makes_sense(self):
        for ratio in ("60:30", "60", "x:40", "0:100"):
            done = self.expect(2, "run", "--relay-service-ratio=" + ratio)
            self.assertIn(f'--relay-service-ratio: "{ratio}" is no ratio; it takes two percentages', done.err)
        done = self.expect(2, "run", "--high-water=10", "--low-water=11")
        self.assertIn("--low-water: it takes at most --high-water, 10", done.err)
        self.assertIn("--low-water", self.expect(2, "run", "--low-water=1").err)


if __name__ == "__main__":
    api.main()

"""Attribution against a simulated line; ``make bench`` does the same for ten lines and five days."""

from __future__ import annotations

from itertools import pairwise

from tests.oracles import line_simulator
from tests.oracles.attribution import Score, noisy, ranked


def test_ranking_by_first_fault_is_ranking_by_what_curing_gains() -> None:
    found = [ranked(seed, hours=40) for seed in (0, 6)]
    first = sum(line.against(line.first_fault) for line in found) / len(found)
    own = sum(line.against(line.own) for line in found) / len(found)
    print(f"first fault {first:.2f}, own downtime {own:.2f}")
    assert first >= 0.95
    assert own <= first - 0.15


def test_logs_without_a_flaw_are_attributed_without_one() -> None:
    score = Score()
    for seed in range(4):
        score.add(noisy(seed, hours=12, skew=0, jitter=0, missing=0))
    assert score.stops > 300
    assert score.stops_right == score.stops
    assert score.seconds_right > score.seconds - 0.1


def test_bad_clocks_and_missing_short_stops_hardly_matter() -> None:
    score = Score()
    for seed in range(5):
        score.add(noisy(seed, hours=12))
    print(f"{score.stops_right / score.stops:.3f} of {score.stops} stops")
    assert score.stops_right >= 0.95 * score.stops
    assert score.seconds_right >= 0.99 * score.seconds


def test_the_simulator_is_seeded_and_loses_no_time() -> None:
    line = line_simulator.line_made(3)
    once, again = (line_simulator.simulate(line, "s", hours=6) for _ in range(2))
    assert once == again
    for rows in once.machines.values():
        assert rows[0].start == 0
        assert rows[-1].end == 6 * 3600
        assert all(a.end == b.start for a, b in pairwise(rows))
        assert all(row.cause for row in rows if row.state != line_simulator.RUNNING)
    everything = line_simulator.simulate(line, "s", hours=6, cured=line.causes)
    pace = line.stations[line.constraint].rate
    assert abs(everything.made - pace * 6 * 3600) < sum(buffer.capacity for buffer in line.buffers)

"""Two runners of one host: real processes on one database and one broker."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import pytest

from connectors.models import FollowerLease, Gap, SourceNotice
from tests.connectors.edge import Edge
from tests.connectors.peers import Mosquitto
from tests.connectors.stack import database_url, stack, wait_until
from tests.connectors.tck.life import Ear
from tests.factories.connectors import connection_make, signal_make
from tests.factories.plant import line_make

pytestmark = pytest.mark.django_db(transaction=True)
STATE = "spBv1.0/STATE/mom"


def test_only_the_holder_speaks_as_the_host_and_the_standby_takes_over_when_it_is_killed(
    tmp_path: Path, broker: Mosquitto
) -> None:
    line = line_make(1)
    config: dict[str, Any] = {"broker": "$MQTT_URL", "host_id": "mom", "cooldown_seconds": 1.0}
    made = connection_make(line.site, slug="spb", protocol="sparkplug", config=config)
    signal_make(line.unit, "G/E:State", connection=made, role="state")
    ear = Ear(broker.port, "spBv1.0/#")
    with stack(tmp_path, database=database_url(), mqtt=broker.url) as running:
        running.worker()
        first = running.runner("--all", "--spool", str(tmp_path / "first.sqlite"))
        wait_until(lambda: ear.states(STATE) != [], seconds=120, what="the first is the host")
        edge = Edge("127.0.0.1", broker.port, "G", "E", {"State": 6})
        edge.birth()
        running.runner("--all", "--spool", str(tmp_path / "second.sqlite"))
        wait_until(lambda: "runner started" in second_log(running), seconds=120, what="the second stands by")
        edge.send({"State": 2}, lose=True)
        edge.send({"State": 3})
        wait_until(lambda: edge.rebirth_wanted, seconds=60, what="the holder asks for births")
        edge.birth()
        born = SourceNotice.objects.filter(kind="born", scope="G/E")
        wait_until(lambda: born.count() == 2, seconds=60, what="both births are on record")
        assert [state["online"] for state in ear.states(STATE)] == [True]
        holder = FollowerLease.objects.get().holder
        first.send_signal(signal.SIGKILL)
        # The lease lasts 20 s, the standby looks every 3 s
        wait_until(lambda: len(ear.states(STATE)) >= 3, seconds=120, what="the second takes over")
        assert [state["online"] for state in ear.states(STATE)][:3] == [True, False, True]
        assert FollowerLease.objects.get().holder != holder
        edge.birth()
        wait_until(lambda: born.count() == 3, seconds=60, what="the second records")
        wait_until(lambda: closed_outage(), seconds=60, what="the time between is a closed gap")
        edge.stop()
    ear.stop()


def closed_outage() -> bool:
    return Gap.objects.filter(cause="process_down", end_time__isnull=False).exists()


def second_log(running: Any) -> str:
    """Both write to one log; the second line is the second's."""
    return running.log("runner").partition("runner started")[2]

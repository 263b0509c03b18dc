"""Whether a connection can be believed: the sum that closes, and each reason why not."""

from __future__ import annotations

import re
import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone, translation
from hypothesis import given
from hypothesis import strategies as st

from connectors import services
from connectors.domain.balance import Count, Spool, balance
from connectors.domain.columns import Columns, micros
from connectors.domain.delays import percentile
from connectors.domain.outage import Outage
from connectors.domain.phrase import phrase
from connectors.domain.trust import Evidence, Level, Missing, verdict
from connectors.domain.wire import Unread
from connectors.models import Connection, Gap, IngestTally, SpoolReport
from connectors.selectors.trust import evidence_of
from connectors.services.ingest import Delivery, deliveries_store
from connectors.views.trust import grouped
from mom import health
from plant.domain.samples import Sample
from plant.models import AuditEntry
from tests.factories.connectors import connection_make, signal_make
from tests.factories.plant import Line, account_make, line_make

SPOOL = uuid.uuid5(uuid.NAMESPACE_URL, "spool")
counts = st.integers(0, 10**9)


@given(
    stored=counts, deduplicated=counts, quarantined=counts, waiting=counts, lost=counts, unconfirmed=counts
)
def test_the_sum_closes_and_its_difference_is_what_was_lost(
    stored: int, deduplicated: int, quarantined: int, waiting: int, lost: int, unconfirmed: int
) -> None:
    kept = stored + deduplicated + quarantined
    # What the runner was not yet told is stored still waits on its disk
    confirmed = kept + lost if lost else max(kept - unconfirmed, 0)
    one = Count(
        spool="s",
        told=kept,
        stored=stored,
        deduplicated=deduplicated,
        quarantined=quarantined,
        written=kept + lost + waiting,
        confirmed=confirmed,
    )
    told = balance([one])
    assert (told.received, told.in_spool, told.difference) == (kept + lost + waiting, waiting, lost)
    assert balance([one, Count(spool="never seen", uncounted=3, stored=3)]).difference is None
    assert balance([one, Count(spool="", stored=5)]).difference == lost


small = st.integers(0, 50)


@given(told=small, behind=small, written=small, astray=st.integers(-50, 50), lost=small, back=small)
def test_the_sum_closes_whatever_a_disk_says_it_holds(
    told: int, behind: int, written: int, astray: int, lost: int, back: int
) -> None:
    """``back``: what was stored once and is gone, as after an older backup of the database."""
    confirmed = max(told - behind, 0)
    held = max(written - astray, 0)
    one = Count(
        spool="s",
        told=told,
        stored=told,
        written=confirmed + written,
        confirmed=confirmed,
        held=held,
        lost=lost,
    )
    sums = balance([one])
    assert sums.in_spool is not None
    assert sums.difference is not None
    assert sums.received == sums.stored + sums.in_spool + sums.lost + sums.difference
    assert min(sums.in_spool, sums.lost) >= 0
    assert sums.astray == written - held
    if behind == 0:
        assert (sums.in_spool + sums.lost, sums.difference) == (held, sums.astray)
        gone = balance([replace(one, stored=told - min(back, told))])
        assert gone.difference == sums.astray + min(back, told)


@given(st.dictionaries(st.integers(0, 79), st.integers(1, 1000), min_size=1))
def test_half_of_the_values_never_take_longer_than_most(delays: dict[int, int]) -> None:
    half, most = percentile(delays, 0.5), percentile(delays, 0.95)
    assert half is not None
    assert most is not None
    assert half <= most <= 2 ** ((max(delays) + 1) / 2) / 1000


def test_numbers_in_sentences_are_written_as_the_reader_expects() -> None:
    said = phrase(
        "%(count)d values of %(name)s, %(share)d %% of %(part)s", count=1234567, name="x", share=70, part=2.5
    )
    assert str(said) == "1234567 values of x, 70 % of 2.5", "a program reads digits"
    assert said.said(str, grouped) == "1,234,567 values of x, 70 % of 2.5"
    with translation.override("fr"):
        assert re.fullmatch(r"1\s234\s567 values of x, 70 % of 2.5", said.said(str, grouped))


def columns(start: datetime, *values: Any, address: str = "M1/value", step: float = 1.0) -> Columns:
    times = (start + timedelta(seconds=step * number) for number in range(len(values)))
    return Columns.of(
        (Sample(address, at, value) for at, value in zip(times, values, strict=True)),
        arrival_time=micros(timezone.now()),
    )


@pytest.fixture
def line() -> Line:
    return line_make(1)


@pytest.fixture
def connection(line: Line) -> Connection:
    made = connection_make(line.site, slug="c", state_map={"6": "execute"})
    signal_make(line.unit, "M1/value", connection=made)
    signal_make(line.unit, "M1/state", role="state", connection=made)
    return made


def deliver(connection: Connection, samples: Columns, *, sequence: int, told: int, **more: Any) -> None:
    delivery = Delivery(samples=samples, receipt=(SPOOL, sequence), told=told, **more)
    deliveries_store(slug=connection.slug, deliveries=[delivery], now=timezone.now())


def report(received: int, confirmed: int, **more: Any) -> None:
    said = {"at": timezone.now().isoformat(), "host": "edge", "usage": 0.1, "disk": [10**12, 9 * 10**11]}
    counted = {"c": [received, confirmed], "unknown": [1, 1]}
    services.spool_report(spool=SPOOL, report={**said, "full": False, "counted": counted, **more})


def evidence(connection: Connection) -> Evidence:
    connection.refresh_from_db()
    return evidence_of(connections=[connection], now=timezone.now())[connection.pk]


@pytest.mark.django_db
def test_what_the_runner_and_the_database_counted_is_compared(connection: Connection) -> None:
    now = timezone.now()
    bad = Unread("topic", "not JSON", b"{", now)
    samples = columns(now - timedelta(seconds=3), 1, 2, 3)
    deliver(connection, samples, sequence=1, told=4, unread=[bad])
    deliver(connection, samples, sequence=1, told=4, unread=[bad])  # sent again: counted once
    deliver(connection, samples, sequence=2, told=3)  # the source told it again: known by its key
    assert evidence(connection).balance.difference is None, "the runner never said what it wrote"
    report(9, 4)
    told = evidence(connection)
    sums = told.balance
    assert (sums.received, sums.stored, sums.deduplicated, sums.quarantined) == (9, 3, 3, 1)
    assert (sums.in_spool, sums.difference) == (2, 0)
    assert told.delay is not None
    assert told.unread == 1
    services.tallies_fold(now=now + timedelta(hours=5))
    assert IngestTally.objects.filter(is_hour=True).exists()
    assert evidence(connection).balance == sums, "adding up old hours changes no sum"
    report(9, 9)
    again = evidence(connection)
    assert again.balance.difference == 2
    assert verdict(again, timezone.now()).level == Level.REFUSE


@pytest.mark.django_db
def test_a_past_that_is_filled_in_is_no_delay(connection: Connection, client: Client, line: Line) -> None:
    now = timezone.now()
    client.force_login(account_make("engineer", line.site))
    past = [
        {
            "address": "M1/value",
            "source_time": (now - timedelta(hours=hours)).isoformat(),
            "value": hours,
            "historical": True,
        }
        for hours in range(2, 40)
    ]
    body = {"connection": "c", "samples": past, "watermark": now.isoformat()}
    client.post("/api/v1/samples", body, "application/json", headers={"Idempotency-Key": "past"})
    told = evidence(connection)
    assert (told.balance.stored, told.delay, told.least_delay) == (38, None, None)
    assert verdict(told, now).level == Level.BELIEVE
    deliver(connection, columns(now - timedelta(hours=3), 9), sequence=1, told=1)
    late = evidence(connection)
    assert late.delay is not None
    assert late.delay[1] > 3600, "what is told late without being called history is late"


@pytest.mark.django_db
def test_an_older_word_of_the_runner_replaces_no_newer_one(connection: Connection) -> None:
    report(9, 9)
    report(5, 5, at=(timezone.now() - timedelta(minutes=1)).isoformat())
    assert SpoolReport.objects.get().received == 9


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({"usage": 0.72}, health.Status.WARN),
        ({"usage": 0.96}, health.Status.FAIL),
        ({"full": True}, health.Status.FAIL),
        ({"disk": [10**12, 3 * 10**11 - 1]}, health.Status.WARN),
        ({"disk": [10**12, 21 * 10**9]}, health.Status.FAIL),
    ],
)
def test_the_doctor_names_the_disk_of_a_runner_elsewhere(
    connection: Connection, more: dict[str, Any], status: health.Status
) -> None:
    report(0, 0, **more)
    found = health.check_disk()
    assert found.status == status
    assert "edge" in found.cause


@pytest.mark.django_db
def test_a_quiet_connection_is_believed_and_each_trouble_is_named(
    connection: Connection, client: Client, line: Line
) -> None:
    now = timezone.now()
    client.force_login(account_make("engineer", line.site))
    deliver(connection, columns(now, 1), sequence=1, told=1)
    report(1, 1)
    services.watermark_append(connection_id=connection.pk, at=now)
    assert client.get("/api/v1/connections/c/trust").json()["verdict"] == "believe"
    assert b'data-verdict="believe"' in client.get("/connections/c/trust/").content

    gap = Outage("c").lost(now - timedelta(minutes=12), "connection_down")
    assert gap is not None
    deliver(connection, Columns(), sequence=2, told=0, gaps=[gap])
    deliver(connection, columns(now, 2), sequence=3, told=2, unread=[Unread("t", "r", b"x", now)])
    report(3, 1, full=True)
    answer = client.get("/api/v1/connections/c/trust").json()
    assert answer["verdict"] == "refuse"
    assert {reason["evidence"] for reason in answer["reasons"]} == {"gaps", "unread", "disks"}
    assert [(one["cause"], one["end_time"]) for one in answer["gaps"]] == [("connection_down", None)]
    page = client.get("/connections/c/trust/").content.decode()
    assert 'data-verdict="refuse"' in page
    assert 'href="#gaps"' in page
    assert "/connections/c/trust/" in client.get("/connections/").content.decode()
    assert "/connections/c/trust/" in client.get("/connections/c/").content.decode()
    assert client.get("/api/v1/connections/nothing/trust").status_code == 404


@pytest.mark.django_db
@pytest.mark.parametrize("state", [6, 2])
def test_a_value_that_stopped_changing_while_its_machine_runs_is_named(
    connection: Connection, state: int
) -> None:
    now = timezone.now()
    moving = columns(now - timedelta(minutes=90), *range(60), step=60)
    still = columns(now - timedelta(minutes=29), *([59] * 29), step=60)
    running = columns(now - timedelta(minutes=100), state, address="M1/state")
    for number, samples in enumerate((moving, still, running)):
        deliver(connection, samples, sequence=number, told=len(samples))
    stuck = evidence(connection).stuck
    assert [one.address for one in stuck] == (["M1/value"] if state == 6 else [])


def test_a_source_that_is_ahead_or_silent_is_not_simply_believed() -> None:
    now = datetime(2026, 3, 2, 12, tzinfo=UTC)
    sums = balance([Count(spool="", stored=1)])
    good: dict[str, Any] = {
        "enabled": True,
        "mapped": 1,
        "pushed": False,
        "balance": sums,
        "reported_at": None,
        "delay": (0.1, 0.2),
        "least_delay": 0.05,
        "last_value": now,
        "watermark": now,
    }
    assert verdict(Evidence(**good), now).level == Level.BELIEVE
    silent = Spool(spool="a", host="edge", heard_at=now - timedelta(minutes=5), waiting=0)
    again = Spool(spool="b", host="edge", heard_at=now, waiting=7)
    for change, level, where in (
        ({"least_delay": -5.0}, Level.CARE, "clock"),
        ({"least_delay": -900.0}, Level.REFUSE, "clock"),
        ({"delay": (0.1, 60.0)}, Level.CARE, "lag"),
        ({"watermark": now - timedelta(hours=1)}, Level.REFUSE, "how-far"),
        ({"enabled": False}, Level.REFUSE, "how-far"),
        ({"gaps": (queued(now, 1),)}, Level.BELIEVE, ""),
        ({"gaps": (queued(now, 2),)}, Level.CARE, "gaps"),
        ({"spools": (silent,)}, Level.CARE, "runners"),
        ({"spools": (replace(silent, waiting=100_000), again)}, Level.REFUSE, "runners"),
        ({"spools": (silent, again)}, Level.BELIEVE, ""),
        ({"spools": (replace(again, astray=3),)}, Level.REFUSE, "runners"),
        ({"spools": (replace(again, back=3),)}, Level.REFUSE, "runners"),
    ):
        told = verdict(Evidence(**{**good, **change}), now)
        assert (told.level, [reason.evidence for reason in told.reasons]) == (level, [where] * bool(where))


def queued(now: datetime, minutes: int) -> Missing:
    """A broker's queue stood in for so long."""
    return Missing("connection_down", now - timedelta(minutes=minutes), now, "broker_queue", (), "")


def other_runner(spool: uuid.UUID, received: int, confirmed: int, held: list[Any], **more: Any) -> None:
    said = {"at": timezone.now().isoformat(), "host": "edge", "usage": 0.1, "disk": [10**12, 9 * 10**11]}
    counted = {"counted": {"c": [received, confirmed]}, "held": {"c": held}}
    services.spool_report(spool=spool, report={**said, "full": False, **counted, **more})


@pytest.mark.django_db
def test_a_disk_that_died_is_named_until_a_person_writes_it_off(
    connection: Connection, client: Client, line: Line
) -> None:
    now = timezone.now()
    came, last = now - timedelta(minutes=40), now - timedelta(minutes=30)
    services.watermark_append(connection_id=connection.pk, at=now)
    deliver(connection, columns(now, 0, 1, 2, 3, step=0.01), sequence=1, told=4)
    old = {"at": last.isoformat()}
    other_runner(SPOOL, 9, 4, [5, 2, micros(came)], **old)
    client.force_login(account_make("engineer", line.site))
    address = f"/api/v1/connections/c/runners/{SPOOL}/write-off"
    assert client.post(address, {"why": "gone"}, "application/json").status_code == 400, "it just reported"
    SpoolReport.objects.update(heard_at=last)
    fresh = uuid.uuid4()
    other_runner(fresh, 0, 0, [0, 0, None])  # the same machine with a new disk

    told = client.get("/api/v1/connections/c/trust").json()
    assert told["verdict"] == "refuse"
    (reason,) = told["reasons"]
    assert str(SPOOL)[:8] in reason["text"]
    assert "5 values" in reason["text"]
    assert (told["balance"]["in_spool"], told["balance"]["difference"]) == (5, 0)
    page = client.get("/connections/c/trust/").content.decode()
    assert f"/connections/c/runners/{SPOOL}/write-off/" in page
    assert "Everything it was sent is stored" not in page
    assert client.post(address, {}, "application/json").status_code == 400, "why is missing"
    other = f"/api/v1/connections/c/runners/{fresh}/write-off"
    assert client.post(other, {"why": "gone"}, "application/json").status_code == 400, "it reports"

    answer = client.post(f"/connections/c/runners/{SPOOL}/write-off/", {"why": "The disk burnt"})
    assert answer.status_code == 302
    told = client.get("/api/v1/connections/c/trust").json()
    sums = told["balance"]
    assert (sums["received"], sums["stored"], sums["lost"], sums["in_spool"], sums["difference"]) == (
        9,
        4,
        5,
        0,
        0,
    )
    assert [reason["evidence"] for reason in told["reasons"]] == ["gaps"]
    (gap,) = told["gaps"]
    assert (gap["cause"], gap["equipment"]) == ("spool_lost", [line.unit.code])
    assert Gap.objects.values_list("start_time", "end_time").distinct().get() == (came, last)
    written = AuditEntry.objects.get(action="spool.write_off")
    assert (written.why, (written.after or {})["values"]) == ("The disk burnt", 5)
    assert "The disk burnt" in client.get("/connections/c/trust/").content.decode()
    assert client.post(address, {"why": "again"}, "application/json").status_code == 400

    other_runner(SPOOL, 9, 4, [5, 2, micros(came)])  # found after all: it owes again
    assert client.get("/api/v1/connections/c/trust").json()["balance"]["in_spool"] == 5


@pytest.mark.django_db
def test_a_disk_that_does_not_hold_what_it_owes_is_told(connection: Connection) -> None:
    deliver(connection, columns(timezone.now(), *range(4)), sequence=1, told=4)
    other_runner(SPOOL, 9, 4, [2, 1, micros(timezone.now())])
    told = evidence(connection)
    assert (told.balance.in_spool, told.balance.difference, told.balance.astray) == (2, 3, 3)
    assert [reason.evidence for reason in verdict(told, timezone.now()).reasons].count("runners") == 1


@pytest.mark.django_db
def test_an_older_copy_of_a_disk_is_known_by_its_counts(connection: Connection) -> None:
    """Its numbers are given out a second time: what they name now is taken for what came before."""
    deliver(connection, columns(timezone.now(), *range(9)), sequence=1, told=9)
    other_runner(SPOOL, 9, 9, [0, 0, None])
    other_runner(SPOOL, 6, 4, [2, 1, micros(timezone.now())])
    told = evidence(connection)
    assert [spool.back for spool in told.spools] == [3]
    other_runner(SPOOL, 8, 8, [0, 0, None])  # two were sent again, two new ones never stored
    later = evidence(connection)
    assert later.balance.received == 9 + 2
    assert later.balance.difference == 2
    assert verdict(later, timezone.now()).level == Level.REFUSE


@pytest.mark.django_db
def test_unreadable_messages_of_the_last_day_are_not_those_of_all_time(connection: Connection) -> None:
    now = timezone.now()
    bad = Unread("topic", "not JSON", b"{", now)
    for number in range(5):
        deliver(connection, Columns(), sequence=number, told=1, unread=[bad])
    IngestTally.objects.update(at=now - timedelta(days=3))
    services.tallies_fold(now=now)
    deliver(connection, Columns(), sequence=9, told=1, unread=[bad])
    told = evidence(connection)
    assert (told.balance.quarantined, told.unread) == (6, 1)

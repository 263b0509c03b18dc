"""Reading again what could not be read: by itself where that is enough, else saying exactly why not."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import translation

from connectors.domain.columns import Columns, micros
from connectors.domain.sparkplug_messages import Outcome
from connectors.domain.wire import Unread
from connectors.models import Connection, QuarantinedMessage, SignalDefinition, SignalSample
from connectors.protocols.sparkplug import SparkplugConfig, SparkplugConnector
from connectors.protocols.sparkplug.sparkplug_b_pb2 import Payload
from connectors.services.ingest import Delivery, deliveries_store
from connectors.services.quarantine import COUNTED_UNKNOWN, EVERY, UNKNOWN
from connectors.transports.mqtt_client import Received
from plant.models import AuditEntry
from tests.connectors.edge import payload
from tests.factories.connectors import connection_make, signal_make
from tests.factories.plant import Line, account_make, line_make

pytestmark = pytest.mark.django_db
NOW = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
MS = micros(NOW) // 1000
SPARKPLUG = {"broker": "mqtt://localhost", "host_id": "mom"}
ALIASES = {"State": 1, "Count": 2}


@pytest.fixture
def line() -> Line:
    return line_make(1)


@pytest.fixture
def spb(line: Line) -> Connection:
    return connection_make(line.site, slug="spb", protocol="sparkplug", config=SPARKPLUG)


@pytest.fixture
def reprocess(client: Client, line: Line) -> Callable[..., Any]:
    client.force_login(account_make("engineer", line.site))

    def post(which: QuarantinedMessage | None = None) -> Any:
        row = which or QuarantinedMessage.objects.get()
        answer = client.post(f"/api/v1/quarantine/{row.pk}/reprocess")
        return answer.status_code, answer.json().get("detail", answer.json())

    return post


def aside(connection: Connection, source: str, raw: bytes, reason: str = "some reason") -> QuarantinedMessage:
    deliveries_store(
        slug=connection.slug, deliveries=[Delivery(unread=[Unread(source, reason, raw, NOW)])], now=NOW
    )
    return QuarantinedMessage.objects.get(source=source, reason__startswith=reason[:50])


def stored(signal: SignalDefinition) -> list[Any]:
    rows = SignalSample.objects.filter(signal_id=signal.pk).order_by("source_time")
    return [row.v_int if row.v_int is not None else row.v_float for row in rows]


def test_settings_that_cannot_work_are_a_refusal_in_the_readers_language(
    line: Line, reprocess: Callable[..., Any]
) -> None:
    made = connection_make(line.site, slug="broken", config={"broker": "mqtt://localhost"})
    aside(made, "a/b", b"{}")
    assert reprocess() == (
        400,
        "the settings of connection broken cannot work: setting 'client_id' is missing",
    )
    made.config = {"broker": "mqtt://localhost", "client_id": "x", "mappings": [{"topic": "a/{b}/{b}"}]}
    made.save()
    status, said = reprocess()
    assert (status, "takes one name twice" in said) == (400, True)
    made.protocol = "telex"
    made.save()
    assert "no connector for protocol 'telex'" in reprocess()[1]
    assert QuarantinedMessage.objects.get().status == "open"


def test_a_birth_is_read_again_by_itself_once(
    line: Line, spb: Connection, reprocess: Callable[..., Any]
) -> None:
    state = signal_make(line.unit, "G/E:State", connection=spb, role="state")
    metrics = {"bdSeq": 0, "Node Control/Rebirth": False, "State": -6, "NotMapped": 1.5}
    aside(spb, "spBv1.0/G/NBIRTH/E", payload(metrics, seq=0, at=MS))
    assert reprocess() == (200, {"stored": 1})
    assert stored(state) == [-6]
    first = QuarantinedMessage.objects.get(source="spBv1.0/G/NBIRTH/E")
    assert first.status == "reprocessed"
    assert reprocess(first) == (200, {"stored": 0})
    assert stored(state) == [-6]
    assert AuditEntry.objects.filter(action="quarantine.reprocess").count() == 1
    # What no signal wants is aside as it would be had it come by itself
    assert QuarantinedMessage.objects.get(status="open").reason == "unknown address"


def test_data_that_names_its_metrics_is_read_again(
    line: Line, spb: Connection, reprocess: Callable[..., Any]
) -> None:
    count = signal_make(line.unit, "G/E/D:Count", connection=spb, role="good_count")
    raw = payload({"Count": 12}, seq=5, at=MS)
    aside(spb, "spBv1.0/G/DDATA/E/D", raw, "DDATA before the node's birth")
    assert reprocess() == (200, {"stored": 1})
    assert stored(count) == [12]


def test_data_known_by_alias_alone_says_what_is_missing_and_guesses_nothing(
    line: Line, spb: Connection, reprocess: Callable[..., Any]
) -> None:
    state = signal_make(line.unit, "G/E:State", connection=spb, role="state")
    raw = payload({"State": 6}, seq=5, at=MS, aliases=ALIASES, birth=False)
    aside(spb, "spBv1.0/G/NDATA/E", raw, "NDATA before the node's birth")
    status, said = reprocess()
    assert status == 400
    assert said == (
        "the metric with alias 1 has no name: only the birth before the message says which it is,"
        " that birth was not heard, and another may number metrics otherwise"
    )
    assert stored(state) == []


def test_a_number_without_its_datatype_is_not_guessed(
    spb: Connection, line: Line, reprocess: Callable[..., Any]
) -> None:
    raw = payload({"Count": -1}, seq=5, at=MS, birth=False)
    aside(spb, "spBv1.0/G/NDATA/E", raw)
    assert "metric 'Count' does not say its datatype" in reprocess()[1]


@pytest.mark.parametrize(
    ("topic", "raw", "said"),
    [
        ("spBv1.0/G/NDEATH/E", payload({"bdSeq": 3}, seq=None), "a death carries no values"),
        ("spBv1.0/G/NDATA/E", b"\xff\xff", "not a Sparkplug B payload"),
        ("plant/other", b"", "not a Sparkplug topic"),
        ("spBv1.0/G/NDATA/E", Payload(seq=300).SerializeToString(), "seq 300, expected 0 to 255"),
    ],
    ids=["death", "no protobuf", "no Sparkplug topic", "seq"],
)
def test_what_will_never_be_readable_says_so(
    spb: Connection, reprocess: Callable[..., Any], topic: str, raw: bytes, said: str
) -> None:
    aside(spb, topic, raw)
    status, answer = reprocess()
    assert status == 400
    assert said in answer


def test_of_a_message_read_in_part_only_the_missing_part_is_added(
    line: Line, spb: Connection, reprocess: Callable[..., Any]
) -> None:
    """The host stored what it knew of; the rest is stored later, and nothing twice."""
    known = signal_make(line.unit, "G/E:State", connection=spb, role="state")
    late = signal_make(line.unit, "G/E:New", connection=spb)
    host, out = SparkplugConnector(SparkplugConfig.from_mapping(SPARKPLUG)), Outcome()
    birth = payload({"bdSeq": 0, "State": 1}, seq=0, at=MS)
    data = payload({"New": 5, "State": 2}, seq=1, at=MS + 1000)
    for topic, raw in (("spBv1.0/G/NBIRTH/E", birth), ("spBv1.0/G/NDATA/E", data)):
        host._feed(Received(topic, raw, 0, 0, False, False, micros(NOW)), out)
    (unread,) = out.unreadable
    assert unread.reason == "unknown metric 'New'"
    delivery = Delivery(samples=out.samples, unread=[Unread(unread.topic, unread.reason, unread.raw, NOW)])
    deliveries_store(slug="spb", deliveries=[delivery], now=NOW)
    assert (stored(known), stored(late)) == ([1, 2], [])
    assert reprocess() == (200, {"stored": 1})
    assert (stored(known), stored(late)) == ([1, 2], [5])


def test_a_message_kept_in_part_is_not_read_as_if_it_were_whole(
    line: Line, reprocess: Callable[..., Any]
) -> None:
    config = {
        "broker": "mqtt://x",
        "client_id": "x",
        "mappings": [{"topic": "t", "address": "a", "value": "0"}],
    }
    made = connection_make(line.site, slug="mqtt", config=config)
    aside(made, "t", b"[" + b"1," * 200_000 + b"1]", "x" * 290)
    assert reprocess() == (400, "only the first 262144 bytes of this message were kept")


def test_an_opcua_array_has_no_second_reading(line: Line, reprocess: Callable[..., Any]) -> None:
    made = connection_make(
        line.site, slug="ua", protocol="opcua", config={"endpoint": "opc.tcp://localhost", "security": "none"}
    )
    aside(made, "nsu=urn:a;s=b", b"[1, 2]", "an array is not a value")
    status, said = reprocess()
    assert (status, "no signal can hold it" in said) == (400, True)


def test_a_refusal_follows_the_language_of_the_reader(
    line: Line, client: Client, reprocess: Callable[..., Any]
) -> None:
    """The words come from the catalogue at the moment they are shown, places filled in afterwards."""
    from connectors.interface import ConfigurationError

    error = ConfigurationError("%(name)s: read %(read)r", name="qos", read=5)
    french = {"%(name)s: read %(read)r": "%(name)s\u00a0: lu %(read)r"}
    with translation.override("fr"):
        assert error.said(lambda text: french[text]) == "qos\u00a0: lu 5"
    assert str(error) == "qos: read 5"


def unmapped(made: Connection, count: int, second: int = 0) -> Delivery:
    samples, at = Columns(), micros(NOW + timedelta(seconds=second))
    for number in range(count):
        samples.add(f"m{number}", number, source_time=at, arrival_time=at)
    return Delivery(samples=samples)


def test_values_of_many_unmapped_addresses_are_one_row_and_each_is_read_again_once_mapped(
    line: Line, spb: Connection, reprocess: Callable[..., Any]
) -> None:
    deliveries_store(slug=spb.slug, deliveries=[unmapped(spb, 100)], now=NOW)
    message = QuarantinedMessage.objects.get()
    assert (message.source, message.reason, message.count) == (EVERY, UNKNOWN, 100)
    assert reprocess(message) == (400, UNKNOWN)
    signal = signal_make(line.unit, "m7", connection=spb)
    assert reprocess(message) == (200, {"stored": 1})
    assert stored(signal) == [7]
    rest = QuarantinedMessage.objects.get(status="open")
    assert (rest.source, rest.reason, rest.count) == (EVERY, UNKNOWN, 99)
    late = signal_make(line.unit, "m9", connection=spb)
    assert reprocess(rest) == (200, {"stored": 1})
    assert (stored(signal), stored(late)) == ([7], [9])
    assert sum(QuarantinedMessage.objects.values_list("count", flat=True)) == 100


def test_past_their_bound_unmapped_values_are_counted_apart_from_unreadable_ones(
    spb: Connection, monkeypatch: pytest.MonkeyPatch, django_assert_max_num_queries: Any
) -> None:
    monkeypatch.setattr("connectors.services.quarantine.KEPT_PER_SOURCE", 2)
    for number in range(4):
        deliveries_store(slug=spb.slug, deliveries=[unmapped(spb, 50, number)], now=NOW)
    with django_assert_max_num_queries(9):
        deliveries_store(slug=spb.slug, deliveries=[unmapped(spb, 50, 9), unmapped(spb, 20, 9)], now=NOW)
    rows = QuarantinedMessage.objects.filter(source=EVERY).order_by("count")
    assert [(row.reason, row.count) for row in rows] == [(UNKNOWN, 50)] * 2 + [(COUNTED_UNKNOWN, 150)]
    assert sum(QuarantinedMessage.objects.values_list("count", flat=True)) == 270

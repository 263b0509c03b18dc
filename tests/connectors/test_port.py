"""The port itself: columns, configuration, registry, state tables."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.domain.columns import EPOCH, Columns, DamagedColumns, decode, encode, instant, micros
from connectors.domain.outage import Outage, in_scope
from connectors.domain.state_map import PACKML_STATES, state_of
from connectors.interface import ConfigurationError
from connectors.protocols.mqtt import MqttConfig
from connectors.protocols.opcua import OpcUaConfig, OpcUaConnector
from connectors.registry import DuplicateConnector, collect, connector_class
from plant.domain.samples import Quality, Sample

TEXT = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=30)
INSTANT = st.timedeltas(timedelta(days=3650), timedelta(days=47_000)).map(lambda span: EPOCH + span)
SAMPLES = st.builds(
    Sample,
    address=TEXT,
    source_time=INSTANT,
    value=st.one_of(
        st.none(), st.booleans(), st.integers(-(2**63), 2**64 - 1), st.floats(allow_nan=False), TEXT
    ),
    server_time=st.none() | INSTANT,
    quality=st.sampled_from(Quality),
    status_code=st.none() | st.integers(0, 2**32 - 1),
    historical=st.booleans(),
    source_key=st.just(b""),
)
NOW = datetime(2026, 3, 2, tzinfo=UTC)
KEYS_OF_0_AND_1 = [-3148198892533174631, 8252515926790023854]


@given(st.lists(SAMPLES, max_size=40), st.booleans())
def test_columns_come_back_from_bytes_as_they_were(samples: list[Sample], compress: bool) -> None:
    columns = Columns.of(samples, arrival_time=micros(NOW))
    back = decode(encode(columns, compress=compress))
    assert list(back) == list(columns)
    assert [sample._replace(source_key=b"") for sample in back] == samples
    assert [type(sample.value) for sample in back] == [type(sample.value) for sample in samples]
    rows = range(0, len(samples), 2)
    assert list(back.take(rows)) == [list(columns)[row] for row in rows]


@given(st.binary(max_size=300))
def test_bytes_that_are_not_columns_are_refused(raw: bytes) -> None:
    with pytest.raises(DamagedColumns):
        decode(raw)


@given(st.lists(SAMPLES, min_size=1, max_size=5), st.randoms(use_true_random=False))
def test_columns_that_lost_bytes_are_refused(samples: list[Sample], chance: random.Random) -> None:
    raw = encode(Columns.of(samples, arrival_time=0))
    with pytest.raises(DamagedColumns):
        decode(raw[: chance.randrange(len(raw))])


@given(INSTANT)
def test_microseconds_are_exact(at: datetime) -> None:
    assert instant(micros(at)) == at


def test_the_same_value_has_the_same_key_everywhere_and_another_has_another() -> None:
    values: list[Any] = [0, 1, -1, 2**64 - 1, 0.0, 1.0, True, False, None, "", "1", "é"]
    columns = Columns.of([Sample("a", NOW, value) for value in values], arrival_time=0)
    assert len(set(columns.key)) == len(values)
    # Frozen: a change of keys would store every sample again
    assert list(columns.key[:2]) == KEYS_OF_0_AND_1


class _Impostor:
    slug: ClassVar[str] = "opcua"


def test_two_connectors_of_one_slug_are_refused() -> None:
    with pytest.raises(DuplicateConnector, match=r"'opcua' is claimed by .*OpcUaConnector and .*_Impostor"):
        collect([OpcUaConnector, _Impostor])  # type: ignore[list-item]


def test_an_unknown_protocol_names_those_there_are() -> None:
    with pytest.raises(ConfigurationError, match=r"expected one of .*mqtt, opcua"):
        connector_class("profinet")


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        ({"endpoint": 5}, "endpoint: read 5, expected text"),
        ({}, "setting 'endpoint' is missing"),
        ({"endpoint": "x", "history": "yes"}, "history: read 'yes', expected yes or no"),
        ({"endpoint": "x", "sampling_ms": True}, "sampling_ms: read True, expected a number"),
        ({"endpoint": "x", "addresses": []}, "unknown setting 'addresses'"),
    ],
)
def test_a_wrong_setting_says_what_was_read_and_what_was_expected(raw: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        OpcUaConfig.from_mapping(raw)
    assert said in str(refused.value)


def test_a_list_of_rules_is_checked_entry_by_entry() -> None:
    with pytest.raises(ConfigurationError, match=r"mappings\[1\]: read 5"):
        MqttConfig.from_mapping({"broker": "x", "client_id": "y", "mappings": [{}, 5]})


@pytest.mark.parametrize("state", PACKML_STATES)
def test_a_state_name_needs_no_table(state: str) -> None:
    assert state_of(state, {}) == state_of(state.upper(), {}) == state


def test_a_table_reads_numbers_booleans_and_texts_and_the_rest_is_unknown() -> None:
    table = {"6": "execute", "true": "idle", "RUN": "execute"}
    assert [state_of(value, table) for value in (6, 6.0, "6", True, "RUN", 7, "walk", None, 6.5)] == [
        *["execute"] * 3,
        "idle",
        "execute",
        *["unknown"] * 4,
    ]


def test_an_outage_opens_once_and_closes_after_it_began() -> None:
    outage = Outage("s")
    assert outage.restored(NOW) is None
    opened = outage.lost(NOW, "connection_down")
    assert opened is not None
    assert outage.lost(NOW, "connection_down") is None
    closed = outage.restored(NOW - timedelta(hours=1), "history")
    assert closed is not None
    assert (closed.key, closed.end_time, closed.recovered) == (opened.key, NOW, "history")


def test_a_scope_is_all_one_address_or_a_whole_part_of_its_path() -> None:
    assert in_scope("G/E:v", "")
    assert in_scope("G/E:v", "G/E:v")
    assert in_scope("G/E/D:v", "G/E")
    assert in_scope("G/E:v", "G/E:")
    assert not in_scope("G/E2:v", "G/E")
    assert not in_scope("M1/speed2", "M1/speed")

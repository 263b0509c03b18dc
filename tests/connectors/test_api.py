from __future__ import annotations

import gzip
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from django.test import Client

from connectors.models import Gap, QuarantinedMessage, SignalDefinition, SignalSample, Watermark
from tests.factories.connectors import signal_make
from tests.factories.plant import account_make, line_make, site_make

pytestmark = pytest.mark.django_db
START = datetime.now(UTC) - timedelta(hours=12)


@pytest.fixture
def signal() -> SignalDefinition:
    return signal_make(line_make(1).unit, "M1/count", role="good_count", value_type="integer")


@pytest.fixture
def engineer(client: Client, signal: SignalDefinition) -> Client:
    client.force_login(account_make("engineer", signal.connection.site))
    return client


def post(client: Client, body: Any, key: str = "") -> Any:
    raw = body if isinstance(body, bytes) else orjson.dumps(body)
    headers = {"Idempotency-Key": key or str(uuid.uuid4())}
    return client.post("/api/v1/samples", raw, content_type="application/json", headers=headers)


def body(signal: SignalDefinition, *values: Any, **more: Any) -> dict[str, Any]:
    samples = [
        {"address": "M1/count", "source_time": (START + timedelta(seconds=n)).isoformat(), "value": value}
        for n, value in enumerate(values)
    ]
    return {"connection": signal.connection.slug, "samples": samples, **more}


def test_a_post_is_counted_and_repeated_under_its_key_gives_the_first_answer(
    engineer: Client, signal: SignalDefinition
) -> None:
    wanted = body(signal, 1, 2, "three", watermark=START.isoformat())
    first = post(engineer, wanted, "key-1")
    assert first.status_code == 201
    assert first.json() == {"received": 3, "stored": 2, "deduplicated": 0, "quarantined": 1}
    again = post(engineer, wanted, "key-1")
    assert (again.status_code, again.json()) == (201, first.json())
    assert SignalSample.objects.filter(signal_id=signal.pk).count() == 2
    assert QuarantinedMessage.objects.get().count == 1
    assert Watermark.objects.get().at == START
    assert post(engineer, wanted, "key-2").json()["deduplicated"] == 2
    assert post(engineer, body(signal, 9), "key-1").status_code == 422


def test_a_post_needs_a_key(engineer: Client, signal: SignalDefinition) -> None:
    raw = orjson.dumps(body(signal, 1))
    answer = engineer.post("/api/v1/samples", raw, content_type="application/json")
    assert answer.status_code == 400
    assert "Idempotency-Key" in answer.json()


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (
            {"samples": [{"address": "a", "source_time": "yesterday", "value": 1}]},
            "samples[0]: time: read 'yesterday'",
        ),
        ({"samples": [{"address": "a", "source_time": "2026-01-01T00:00:00", "value": 1}]}, "has no offset"),
        ({"samples": [{"address": "a", "value": 1}]}, "samples[0]: 'source_time' is missing"),
        (
            {"samples": [{"address": "a", "source_time": "2026-01-01T00:00:00Z", "value": [1]}]},
            "a list is not a value",
        ),
        (
            {"samples": [{"address": 5, "source_time": "2026-01-01T00:00:00Z", "value": 1}]},
            "address: expected text",
        ),
        ({"samples": ["x"]}, "samples[0]: expected an object"),
        ({"samples": {}}, "samples: expected a list"),
        ({"samples": [None] * 20_001}, "expected at most 20000"),
        ({"connection": "nowhere"}, "'nowhere' is not known"),
        ({"more": 1}, "expected an object with connection"),
    ],
)
def test_a_body_that_is_not_samples_names_what_is_wrong_and_stores_nothing(
    engineer: Client, signal: SignalDefinition, change: dict[str, Any], named: str
) -> None:
    answer = post(engineer, body(signal, 1) | change)
    assert answer.status_code == 400
    assert named in answer.json()["detail"]
    assert not SignalSample.objects.exists()


def test_not_json_is_refused(engineer: Client) -> None:
    assert post(engineer, b"{").status_code == 400


def test_a_range_is_read_page_by_page_each_sample_once(engineer: Client, signal: SignalDefinition) -> None:
    post(engineer, body(signal, *range(25)))
    url = "/api/v1/samples?" + "&".join(
        f"{name}={value}".replace("+", "%2B")
        for name, value in {
            "signal": signal.pk,
            "start": START.isoformat(),
            "end": (START + timedelta(seconds=20)).isoformat(),
            "limit": 7,
        }.items()
    )
    seen = []
    while url:
        page = engineer.get(url).json()
        seen += [row["value"] for row in page["results"]]
        url = page["next"]
    assert seen == list(range(20))


def test_an_unknown_filter_names_the_nearest(engineer: Client) -> None:
    answer = engineer.get("/api/v1/samples?signal=1&strat=x&end=y")
    assert answer.status_code == 400
    assert "start" in answer.json()["strat"][0]
    assert engineer.get("/api/v1/signals?equipmnt=x").status_code == 400


def test_another_site_sees_and_writes_nothing(client: Client, signal: SignalDefinition) -> None:
    client.force_login(account_make("engineer", site_make()))
    assert post(client, body(signal, 1)).status_code == 400
    assert client.get("/api/v1/signals").json()["results"] == []
    assert (
        client.get(
            f"/api/v1/samples?signal={signal.pk}&start=2026-01-01T00:00:00Z&end=2026-01-02T00:00:00Z"
        ).status_code
        == 404
    )


def test_an_operator_may_read_but_not_write(client: Client, signal: SignalDefinition) -> None:
    client.force_login(account_make("operator", signal.connection.site))
    assert post(client, body(signal, 1)).status_code == 403
    assert [row["address"] for row in client.get("/api/v1/signals").json()["results"]] == ["M1/count"]


def test_gaps_and_quarantine_are_listed_and_reprocessed(engineer: Client, signal: SignalDefinition) -> None:
    Gap.objects.create(
        connection=signal.connection,
        equipment=signal.equipment,
        key=uuid.uuid4(),
        cause="seq_jump",
        start_time=START,
    )
    assert [gap["cause"] for gap in engineer.get("/api/v1/gaps?open=true").json()["results"]] == ["seq_jump"]
    wanted = body(signal, 5)
    wanted["samples"][0]["address"] = "M1/new"
    post(engineer, wanted)
    (message,) = engineer.get("/api/v1/quarantine").json()["results"]
    assert message["preview"].startswith("5 @")
    url = f"/api/v1/quarantine/{message['id']}/reprocess"
    refused = engineer.post(url)
    assert (refused.status_code, refused.json()["detail"]) == (400, "unknown address")
    signal_make(signal.equipment, "M1/new", connection=signal.connection)
    assert engineer.post(url).json() == {"stored": 1}
    assert engineer.post(url).json() == {"stored": 0}


def test_a_full_post_is_stored_whole(engineer: Client, signal: SignalDefinition) -> None:
    wanted = body(signal, *range(20_000))
    assert post(engineer, wanted).json()["stored"] == 20_000


def lines(client: Client, signal: SignalDefinition, raw: bytes, **headers: str) -> Any:
    return client.post(
        f"/api/v1/samples?connection={signal.connection.slug}",
        raw,
        content_type="application/x-ndjson",
        headers={"Idempotency-Key": str(uuid.uuid4()), **headers},
    )


def test_lines_are_stored_or_refused_one_by_one(engineer: Client, signal: SignalDefinition) -> None:
    good = [orjson.dumps(one) for one in body(signal, 1, 2)["samples"]]
    raw = b"\n".join([good[0], b"{oops", b"", b'{"address": "M1/count"}', good[1], b"[]"]) + b"\n"
    packed = gzip.compress(raw)
    answer = lines(engineer, signal, packed, **{"Content-Encoding": "gzip"})
    assert answer.status_code == 201
    told = answer.json()
    assert [one["line"] for one in told.pop("refused")] == [2, 4, 6]
    assert told == {"received": 5, "stored": 2, "deduplicated": 0, "quarantined": 3}
    reasons = set(QuarantinedMessage.objects.values_list("reason", flat=True))
    assert "line 4: 'value' is missing" in reasons
    assert lines(engineer, signal, raw).json()["deduplicated"] == 2


@pytest.mark.parametrize(
    ("raw", "headers"),
    [
        (b"{}", {"Content-Encoding": "br"}),
        (b"not gzip", {"Content-Encoding": "gzip"}),
        (gzip.compress(b"{}\n" * 1000)[:-20], {"Content-Encoding": "gzip"}),
        (gzip.compress(b"\n" * (33 * 1024 * 1024)), {"Content-Encoding": "gzip"}),
        (b"{}\n" * 20_001, {}),
    ],
    ids=["encoding", "damaged", "cut", "bomb", "too many"],
)
def test_a_body_that_is_too_much_or_cannot_be_unpacked_is_refused(
    engineer: Client, signal: SignalDefinition, raw: bytes, headers: dict[str, str]
) -> None:
    assert lines(engineer, signal, raw, **headers).status_code == 400
    assert not SignalSample.objects.exists()
    assert not QuarantinedMessage.objects.exists()

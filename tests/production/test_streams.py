"""Lists as CSV, NDJSON and XLSX: whole, the rows of JSON, bounded by a window, harmless in a spreadsheet."""

from __future__ import annotations

import csv
import gc
import io
import tracemalloc
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import orjson
import pytest
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import load_workbook
from rest_framework.test import APIClient

from connectors.selectors import samples_each
from plant.domain.streams import csv_chunks, safe
from production import services
from production.models import StateInterval, Stop
from tests.factories.plant import account_make, line_make, reason_make
from tests.factories.production import PLANNER, Sender, at, order_make, sender_make
from tests.production.test_attribution_line import DOWN, line_running

pytestmark = pytest.mark.django_db
START, END = at(0).isoformat(), at(7200).isoformat()
WINDOW = {"start": START, "end": END}


def busy() -> tuple[Any, Sender, APIClient]:
    line = line_make(1)
    sender = sender_make(line.unit)
    services.job_order_start(job_order_id=order_make(line).pk, at=at(0), by=PLANNER)
    sender.say([(s, "process_value", 1) for s in range(0, 3600, 20)])
    sender.say(
        [(0, "state", 6), (100, "state", 11), (700, "state", 6), (1000, "state", 11), (1300, "state", 6)],
        watermark=3600,
    )
    sender.stitch()
    caller = APIClient()
    caller.force_login(account_make("engineer", line.site))
    return line, sender, caller


def body(answer: Any) -> bytes:
    assert answer.status_code == 200, getattr(answer, "data", answer)
    assert answer.streaming
    return b"".join(answer.streaming_content)


def lists(line: Any, sender: Sender) -> dict[str, dict[str, Any]]:
    machine = line.unit.code
    return {
        "/api/v1/stops": WINDOW,
        f"/api/v1/equipment/{machine}/states": WINDOW,
        "/api/v1/job-orders": WINDOW,
        "/api/v1/samples": {**WINDOW, "signal": sender.signals["process_value"].pk},
    }


def test_streams_hold_the_rows_of_json_in_each_form() -> None:
    line, sender, caller = busy()
    for url, query in lists(line, sender).items():
        told = caller.get(url, query).json()
        rows = told["results"] if isinstance(told, dict) else told
        assert len(rows) >= 1, url
        lines = body(caller.get(url, {**query, "format": "ndjson"})).splitlines()
        assert [orjson.loads(one) for one in lines] == rows, url
        answer = caller.get(url, {**query, "format": "csv"})
        assert answer.headers["Content-Type"] == "text/csv"
        table = list(csv.DictReader(io.StringIO(body(answer).decode())))
        assert [list(row) for row in table] == [list(row) for row in rows], url
        for read, row in zip(table, rows, strict=True):
            for name, value in row.items():
                if value is None:
                    assert read[name] == ""
                elif isinstance(value, str):
                    assert read[name] == safe(value)
        book = load_workbook(io.BytesIO(body(caller.get(url, {**query, "format": "xlsx"}))))
        cells = list(book.worksheets[0].iter_rows(values_only=True))
        assert list(cells[0]) == list(rows[0])
        assert len(cells) == len(rows) + 1


def test_an_accept_header_asks_for_a_stream_too_and_a_post_offers_none() -> None:
    _, _, caller = busy()
    answer = caller.get("/api/v1/stops", WINDOW, headers={"Accept": "text/csv"})
    assert body(answer).startswith(b"id,equipment,start_time")
    assert caller.post("/api/v1/samples?format=csv", {}, format="json").status_code == 404


def test_a_stream_needs_a_window_and_takes_no_pages() -> None:
    line, _, caller = busy()
    wrong: list[dict[str, Any]] = [
        {},
        {"start": START},
        {"start": END, "end": START},
        {"start": "yesterday", "end": END},
        {"start": START, "end": at(400 * 86400).isoformat()},
        {**WINDOW, "cursor": "x"},
        {**WINDOW, "page_size": "5"},
        {**WINDOW, "stat": "x"},
    ]
    for url in ("/api/v1/stops", "/api/v1/job-orders", f"/api/v1/equipment/{line.unit.code}/states"):
        for query in wrong:
            answer = caller.get(url, {**query, "format": "csv"})
            assert answer.status_code == 400, (url, query)
            assert answer.headers["Content-Type"] == "application/json"
            assert answer.json()
    planned = {"planned_after": START, "due_before": END, "format": "csv"}
    assert body(caller.get("/api/v1/job-orders", planned)).count(b"\r\n") == 1
    other = APIClient()
    other.force_login(account_make("engineer", line_make(1).site))
    assert body(other.get("/api/v1/stops", {**WINDOW, "format": "csv"})).count(b"\r\n") == 1
    assert APIClient().get("/api/v1/stops", {**WINDOW, "format": "csv"}).status_code in (401, 403)


def test_states_over_days_come_once_each() -> None:
    line = line_make(1)
    step = timedelta(hours=7)
    begins = [at(0) + n * step for n in range(40)]
    StateInterval.objects.bulk_create(
        StateInterval(work_unit=line.unit, start_time=begin, end_time=begin + step, state="held")
        for begin in begins
    )
    caller = APIClient()
    caller.force_login(account_make("engineer", line.site))
    window = {"start": at(3600).isoformat(), "end": at(9 * 86400).isoformat(), "format": "ndjson"}
    rows = [
        orjson.loads(one)
        for one in body(caller.get(f"/api/v1/equipment/{line.unit.code}/states", window)).splitlines()
    ]
    assert [datetime.fromisoformat(row["start_time"]) for row in rows] == [
        at(0) + n * step for n in range(31)
    ]


def test_samples_come_once_each_however_many_are_held_at_a_time() -> None:
    _, sender, _ = busy()
    signal = sender.signals["process_value"].pk
    for at_once in (1, 7, 180, 1000):
        found = list(samples_each(signal_id=signal, start=at(0), end=at(3600), at_once=at_once))
        assert [row.source_time for row in found] == [at(s) for s in range(0, 3600, 20)]


def test_a_long_list_takes_no_more_memory_than_a_short_one() -> None:
    line = line_make(1)
    caller = APIClient()
    caller.force_login(account_make("engineer", line.site))

    def peak(count: int) -> int:
        made = Stop.objects.count()
        Stop.objects.bulk_create(
            (
                Stop(
                    id=uuid4(),
                    work_unit=line.unit,
                    start_time=at(n),
                    end_time=at(n + 1),
                    base_class="own",
                    size="micro",
                    needs_reason=False,
                )
                for n in range(made, made + count)
            ),
            batch_size=1000,
        )
        window = {"start": START, "end": at(86400).isoformat(), "format": "csv"}
        answer: Any = caller.get("/api/v1/stops", window)
        tracemalloc.start()
        rows, cursors = 0, set()
        for chunk in answer.streaming_content:
            rows += chunk.count(b"\r\n")
            gc.collect()  # what is held, not what waits to be collected
            with connection.cursor() as cursor:
                cursor.execute("SELECT count(*) FROM pg_cursors")
                cursors.add(cursor.fetchone()[0])
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert rows == made + count + 1
        assert 1 in cursors, "rows wait in the database, not here"
        return most

    first = peak(2500)
    assert peak(10_000) < 1.5 * first


def test_losses_come_as_one_row_per_cause() -> None:
    line = line_running(DOWN, [(650, "starved"), (1210, "execute")], [(660, "starved"), (1220, "execute")])
    caller = APIClient()
    caller.force_login(account_make("engineer", line.site))
    url = f"/api/v1/equipment/{line.line.code}/line-losses"
    rows = caller.get(url, WINDOW).json()["rows"]
    assert [
        orjson.loads(one) for one in body(caller.get(url, {**WINDOW, "format": "ndjson"})).splitlines()
    ] == rows
    text = body(caller.get(url, {**WINDOW, "format": "csv"})).decode()
    table = list(csv.DictReader(io.StringIO(text)))
    assert [(row["seconds"], row["causing_stops"].split()) for row in table] == [
        (row["seconds"], row["causing_stops"]) for row in rows
    ]
    book = load_workbook(io.BytesIO(body(caller.get(url, {**WINDOW, "format": "xlsx"}))))
    head, first = list(book.worksheets[0].iter_rows(values_only=True))[:2]
    assert first[head.index("seconds")] == float(rows[0]["seconds"])
    assert caller.get(url, {"format": "csv"}).status_code == 400


def test_what_would_run_in_a_spreadsheet_is_shown_instead() -> None:
    line, _, caller = busy()
    reason_make("JAM")
    stop = Stop.objects.order_by("start_time")[0]
    services.reason_assert(
        equipment_id=line.unit.pk,
        start_time=stop.start_time,
        end_time=None,
        reason_code="JAM",
        by=PLANNER,
        comment="=cmd|'/c calc'!A0",
    )
    query = {**WINDOW, "reason": "JAM"}
    [row] = csv.DictReader(
        io.StringIO(body(caller.get("/api/v1/stops", {**query, "format": "csv"})).decode())
    )
    assert row["comment"] == "'=cmd|'/c calc'!A0"
    book = load_workbook(io.BytesIO(body(caller.get("/api/v1/stops", {**query, "format": "xlsx"}))))
    head, cells = book.worksheets[0].iter_rows()
    named: dict[Any, Any] = {title.value: cell for title, cell in zip(head, cells, strict=True)}
    assert (named["comment"].data_type, named["comment"].value) == ("s", row["comment"])
    assert named["start_time"].value.replace(tzinfo=UTC) == stop.start_time
    [line_of] = body(caller.get("/api/v1/stops", {**query, "format": "ndjson"})).splitlines()
    assert orjson.loads(line_of)["comment"] == "=cmd|'/c calc'!A0"


@given(
    st.lists(
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12), max_size=5
    )
)
def test_every_text_survives_csv_but_for_the_apostrophe(texts: list[str]) -> None:
    rows = [{"a": text, "b": Decimal("-1.5"), "c": None, "d": True} for text in texts]
    read = list(csv.DictReader(io.StringIO("".join(csv_chunks(list("abcd"), rows)), newline="")))
    assert [(row["a"], row["b"], row["c"], row["d"]) for row in read] == [
        (safe(text), "-1.5", "", "true") for text in texts
    ]
    assert not any(row["a"].startswith(("=", "@", "\t", "\r")) for row in read)

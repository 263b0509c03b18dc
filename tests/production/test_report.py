"""The views for reports: their columns are a contract, and their role reads them and nothing else."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg2
import psycopg2.extras
import pytest
from django.db import connection

from plant import env
from plant.roles import report_role_apply
from production import services
from production.models import ReasonAssertion, Stop
from production.selectors import account
from tests.factories.plant import calendar_make, line_make, reason_make
from tests.factories.production import PLANNER, Sender, at, order_make, rate_make, sender_make

pytestmark = pytest.mark.django_db(transaction=True)
CONTRACT = json.loads(Path(__file__).with_name("report_columns.json").read_text())
DASHBOARD = Path(__file__).parents[2] / "examples" / "grafana" / "line.json"
COLUMNS = """
SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod) FROM pg_class c
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relnamespace = 'report'::regnamespace ORDER BY c.relname, a.attnum
"""
REACHABLE = """
SELECT c.oid::regclass::text, p.privilege FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
CROSS JOIN unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE']) AS p(privilege)
WHERE n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_toast|^pg_temp'
  AND c.relkind IN ('r', 'p', 'v', 'm') AND has_table_privilege(c.oid, p.privilege)
"""
# A view of several tables takes no rows from anybody.
REFUSED = (psycopg2.errors.InsufficientPrivilege, psycopg2.errors.ObjectNotInPrerequisiteState)
Reader = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def read() -> Iterator[Reader]:
    """Queries asked as the role of reports, over a connection of its own."""
    url = os.environ.get("MOM_TEST_DATABASE_REPORT_URL")
    if not url:
        pytest.skip("no login of report_ro: set MOM_TEST_DATABASE_REPORT_URL")
    given = env.database("", url)
    opened = psycopg2.connect(
        host=given["HOST"],
        port=given["PORT"],
        user=given["USER"],
        password=given["PASSWORD"],
        dbname=connection.settings_dict["NAME"],
        cursor_factory=psycopg2.extras.RealDictCursor,
    )
    opened.autocommit = True

    def ask(query: str, *values: Any) -> list[dict[str, Any]]:
        with opened.cursor() as cursor:
            cursor.execute(query, values or None)
            return [dict(row) for row in cursor.fetchall()]

    with closing(opened):
        yield ask


def busy() -> tuple[Any, Sender]:
    """A machine with an order, a rate and one stop of 600 s over an hour's end, in seconds 3300 to 3900."""
    line = line_make(1)
    sender = sender_make(line.unit)
    rate_make(line.unit, 3600)
    services.job_order_start(job_order_id=order_make(line).pk, at=at(0), by=PLANNER)
    sender.say([(s, "process_value", 1) for s in range(0, 4500, 20)])
    sender.say([(s, "good_count", s) for s in range(0, 4500, 60)])
    sender.say([(0, "state", 6), (3300, "state", 11), (3900, "state", 6)], watermark=4500)
    sender.stitch()
    return line, sender


def test_columns_and_their_types_are_kept_for_ever() -> None:
    with connection.cursor() as cursor:
        cursor.execute(COLUMNS)
        found: dict[str, dict[str, str]] = {}
        for view, column, sort in cursor.fetchall():
            found.setdefault(view, {})[column] = sort
    assert found == CONTRACT, "a view's columns only grow, at its end; anything else is a new version"
    assert [list(columns) for columns in found.values()] == [list(columns) for columns in CONTRACT.values()]


def test_the_role_reads_its_views_and_nothing_else(read: Reader) -> None:
    assert {(row["oid"], row["privilege"]) for row in read(REACHABLE)} == {
        (f"report.{view}", "SELECT") for view in CONTRACT
    }
    for refused in (
        "SELECT * FROM plant_user",
        "SELECT * FROM production_stop",
        "DELETE FROM report.v1_stops",
        "INSERT INTO report.v1_ideal_rates (equipment) VALUES ('x')",
        "CREATE TABLE report.mine (a int)",
        "CREATE TABLE public.mine (a int)",
        "SELECT connectors_sample_partition_ensure('2026-01-01')",
        "SET ROLE mom_owner",
        "SET ROLE mom_app",
    ):
        with pytest.raises(REFUSED):
            read(refused)


def test_the_application_still_makes_partitions() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT has_function_privilege('connectors_sample_partition_ensure(date)', 'EXECUTE')")
        assert cursor.fetchone() == (True,)
    report_role_apply()  # the application may not grant: nothing happens, and nothing breaks


def test_rows_are_told_in_codes_and_utc(read: Reader) -> None:
    line, _ = busy()
    [stop] = read("SELECT * FROM report.v1_stops")
    assert (stop["line"], stop["equipment"]) == (line.line.code, line.unit.code)
    assert (stop["start_time"], stop["end_time"], stop["seconds"]) == (at(3300), at(3900), 600)
    assert (stop["reason"], stop["needs_reason"]) == (None, True)
    states = read("SELECT state, seconds FROM report.v1_states ORDER BY start_time")
    assert [(row["state"], row["seconds"]) for row in states][:2] == [("execute", 3300), ("held", 600)]
    [order] = read("SELECT state, quantity, line FROM report.v1_orders")
    assert (order["state"], order["line"]) == ("running", line.line.code)
    [made] = read(
        "SELECT unit, sum(quantity) AS made FROM report.v1_quantities WHERE kind = 'good' GROUP BY 1"
    )
    assert (made["unit"], made["made"]) == ("", 4440)
    assert [row["units_per_hour"] for row in read("SELECT * FROM report.v1_ideal_rates")] == [3600]
    for view in CONTRACT:
        read(f"SELECT * FROM report.{view}")


def test_downtime_is_cut_where_the_reason_changes_and_says_what_the_account_says(read: Reader) -> None:
    _, sender = busy()
    stop = Stop.objects.get()
    reason_make("JAM")
    reason_make("CLEAN", "setup")

    def say(code: str, start: float, end: float | None) -> ReasonAssertion:
        return services.reason_assert(
            equipment_id=sender.unit.pk,
            start_time=at(start),
            end_time=None if end is None else at(end),
            reason_code=code,
            by=PLANNER,
        )

    say("JAM", 3300, None)
    say("CLEAN", 3500, 3700)
    parts = read("SELECT * FROM report.v1_downtime ORDER BY start_time")
    assert [(row["reason"], row["seconds"]) for row in parts] == [("JAM", 200), ("CLEAN", 200), ("JAM", 200)]
    assert {str(row["stop"]) for row in parts} == {str(stop.pk)}
    told = account(equipment_id=sender.unit.pk, start=at(0), end=at(4500))
    assert told is not None
    by_account: dict[str, float] = {}
    for segment in told.segments:
        if segment.stop_start:
            seconds = segment.duration.total_seconds()
            by_account[segment.reason_code] = by_account.get(segment.reason_code, 0) + seconds
    hours = read("SELECT * FROM report.v1_downtime_by_reason ORDER BY hour, reason")
    by_view: dict[str, float] = {}
    for row in hours:
        by_view[row["reason"]] = by_view.get(row["reason"], 0) + float(row["seconds"])
    assert by_view == by_account == {"JAM": 400, "CLEAN": 200}
    assert [(row["hour"], row["reason"], row["seconds"]) for row in hours] == [
        (at(0), "CLEAN", 100),
        (at(0), "JAM", 200),
        (at(3600), "CLEAN", 100),
        (at(3600), "JAM", 200),
    ]


def test_a_reason_without_an_end_is_about_the_stop_it_was_said_of(read: Reader) -> None:
    line = line_make(1)
    sender = sender_make(line.unit)
    sender.say([(s, "process_value", 1) for s in range(0, 400, 20)])
    states = [(0, "state", 6), (100, "state", 11), (130, "state", 6), (150, "state", 11), (300, "state", 6)]
    sender.say(states, watermark=400)
    sender.stitch()
    reason_make("JAM")
    services.reason_assert(
        equipment_id=line.unit.pk, start_time=at(100), end_time=None, reason_code="JAM", by=PLANNER
    )
    for view in ("v1_stops", "v1_downtime"):
        rows = read(f"SELECT start_time, reason FROM report.{view} ORDER BY start_time")
        assert [(row["start_time"], row["reason"]) for row in rows] == [(at(100), "JAM"), (at(150), None)]


def test_what_no_machine_can_count_is_in_no_quantity(read: Reader) -> None:
    _, sender = busy()
    sender.say([(s, "good_count", 1_000_000 + s) for s in range(4500, 4700, 60)], watermark=4700)
    sender.stitch()
    [jump] = read("SELECT * FROM report.v1_quantities WHERE flag = 'implausible'")
    assert (jump["quantity"], jump["unverified"]) == (0, 1_000_060)
    [made] = read("SELECT sum(quantity) AS good, sum(unverified) AS odd FROM report.v1_quantities")
    assert (made["good"], made["odd"]) == (4440 + 180, 1_000_060)


def grafana(sql: str, line: str) -> str:
    """A panel's SQL as the data source sends it: times as quoted text, the lines chosen as quoted words."""
    for macro, seconds in (("$__timeFrom()", 1800), ("$__timeTo()", 4500)):
        sql = sql.replace(macro, f"'{at(seconds):%Y-%m-%dT%H:%M:%SZ}'")
    return sql.replace("$line", f"'{line}','none'")


def test_the_dashboard_shipped_asks_what_the_views_answer(read: Reader) -> None:
    line, _ = busy()
    calendar_make(line.line)
    board = json.loads(DASHBOARD.read_text())
    variable = next(one for one in board["templating"]["list"] if one["name"] == "line")
    assert [row["equipment"] for row in read(variable["query"])] == [line.line.code]
    found = {
        panel["title"]: read(grafana(target["rawSql"], line.line.code))
        for panel in board["panels"]
        for target in panel["targets"]
    }
    assert [(row["time"], row["state"]) for row in found["States"]] == [
        (at(1800), "execute"),
        (at(3300), "held"),
        (at(3900), "execute"),
    ]
    assert [dict(row) for row in found["Downtime by reason"]] == [{"reason": "no reason yet", "seconds": 600}]
    assert [(row["time"], row["seconds"]) for row in found["Downtime by hour"]] == [(at(3600), 300)]
    [inputs] = found["OEE inputs"]
    assert (inputs["planned_seconds"], inputs["running_seconds"]) == (2700, 2100)
    assert inputs["good"] > 0

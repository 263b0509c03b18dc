"""Months of history from a file: through the same ingest, and on from where a kill stopped it."""

from __future__ import annotations

import importlib
import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from connectors import protocols, registry, services
from connectors.models import Connection, DirtyMark, HistoryImport, QuarantinedMessage, SignalSample
from connectors.protocols import files
from connectors.selectors.imports import imports_of
from connectors.selectors.trust import evidence_of
from tests.factories.connectors import connection_make, signal_make
from tests.factories.plant import account_make, line_make

pytestmark = pytest.mark.django_db
START = datetime(2026, 1, 5, tzinfo=UTC)


@pytest.fixture
def connection() -> Connection:
    line = line_make(1)
    made = connection_make(line.site, slug="press")
    signal_make(line.unit, "M1/count", role="good_count", connection=made)
    return made


@pytest.fixture
def path(tmp_path: Path) -> Path:
    lines = ["at,tag,v"]
    lines += [f"{(START + timedelta(minutes=n)).isoformat()},M1/count,{n}" for n in range(50)]
    lines[31] = "not a time,M1/count,30"
    lines[41] = lines[41].replace("M1/count", "M9/none")
    made = tmp_path / "history.csv"
    made.write_text("\n".join(lines) + "\n")
    (tmp_path / "map.toml").write_text('time = "at"\naddress = "tag"\nvalue = "v"\n')
    return made


def run(path: Path) -> None:
    call_command("history_import", str(path), connection="press", mapping=path.with_name("map.toml"))


def shares(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """What the progress bar said, one word after another."""
    return [line.split("]")[1].split()[0] for line in capsys.readouterr().err.split("\r")[1:]]


def test_a_killed_import_goes_on_and_nothing_is_twice(
    connection: Connection, path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rows_read = files.FilesConnector.read
    monkeypatch.setattr(
        files.FilesConnector, "read", lambda self, skip=0: rows_read(self, skip=skip, rows=10)
    )
    store, stored = services.history.deliveries_store, 0

    def killed(**more: Any) -> Any:
        nonlocal stored
        stored += 1
        if stored == 3:
            raise KeyboardInterrupt
        return store(**more)

    monkeypatch.setattr(services.history, "deliveries_store", killed)
    with pytest.raises(KeyboardInterrupt):
        run(path)
    assert SignalSample.objects.count() == 20
    run(path)
    assert stored == 6, "the two batches stored before are not sent again"
    values = sorted(int(n or 0) for n in SignalSample.objects.values_list("v_int", flat=True))
    assert values == [n for n in range(50) if n not in (30, 40)]
    assert set(SignalSample.objects.values_list("historical", flat=True)) == {True}
    unread = dict(QuarantinedMessage.objects.values_list("source", "reason"))
    assert unread["history.csv:32"].startswith("line 32: time: read 'not a time'")
    assert unread["M9/none"] == "unknown address"
    assert DirtyMark.objects.exists(), "derived like live values"
    run(path)
    assert "imported before" in capsys.readouterr().out
    (found,) = evidence_of(connections=[connection], now=datetime.now(UTC)).values()
    assert (found.balance.received, found.balance.stored, found.balance.quarantined) == (50, 48, 2)
    assert found.balance.difference == 0
    assert found.delay is None, "history is late by design"


def test_what_cannot_be_imported_is_said(
    connection: Connection, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path.with_name("map.toml").write_text('time = "when"')
    with pytest.raises(CommandError, match="no column 'when'; it has at, tag, v"):
        run(path)
    with pytest.raises(CommandError, match="no connection 'x'; known: press"):
        call_command("history_import", str(path), connection="x")
    parquet = path.with_suffix(".parquet")
    parquet.write_bytes(b"PAR1")
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(CommandError, match="need pyarrow"):
        call_command("history_import", str(parquet), connection="press")


def test_parquet_is_imported_and_goes_on_after_a_kill(
    connection: Connection,
    path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    client: Client,
) -> None:
    """Times of any unit, numbers of any kind, and what is no value; the bar says how much of it is read."""
    arrow, parquet = importlib.import_module("pyarrow"), importlib.import_module("pyarrow.parquet")
    times = [START + timedelta(minutes=n) for n in range(50)]
    nanoseconds = [int(at.timestamp()) * 10**9 + 7 for at in times]
    values = [Decimal(n) if n % 2 else None if n == 20 else Decimal(f"{n}.5") for n in range(50)]
    tags = ["M9/none" if n == 40 else "M1/count" for n in range(50)]
    columns = {
        "at": arrow.array(nanoseconds, arrow.timestamp("ns", tz="UTC")),
        "tag": arrow.array(tags).dictionary_encode(),
        "v": arrow.array(values, arrow.decimal128(12, 3)),
        "quality": arrow.array(["good"] * 30 + ["broken"] + ["bad"] * 19),
    }
    made = path.with_suffix(".parquet")
    parquet.write_table(arrow.table(columns), made, row_group_size=7)
    monkeypatch.setattr(files, "ROWS", 10)
    rows_read = files.FilesConnector.read
    monkeypatch.setattr(
        files.FilesConnector, "read", lambda self, skip=0: rows_read(self, skip=skip, rows=10)
    )
    store = services.history.deliveries_store
    monkeypatch.setattr(
        services.history,
        "deliveries_store",
        lambda **more: (
            (_ for _ in ()).throw(KeyboardInterrupt) if SignalSample.objects.count() == 20 else store(**more)
        ),
    )
    with pytest.raises(KeyboardInterrupt):
        run(made)
    assert shares(capsys) == ["20%", "40%"]
    client.force_login(account_make("engineer", connection.site))
    (said,) = client.get("/api/v1/connections/press/trust").json()["imports"]
    assert (said["state"], said["share"], said["rows"], said["stored"]) == ("going", 0.4, 20, 20)
    HistoryImport.objects.update(
        moved_at=START, stored=0
    )  # killed long ago, and before its counts were written
    assert imports_of(connection_id=connection.pk, now=START + timedelta(hours=1))[0].state == "stopped"
    monkeypatch.setattr(services.history, "deliveries_store", store)
    groups_read: list[int] = []
    groups_after = files.groups_after

    def told(metadata: Any, skip: int) -> tuple[int, list[int]]:
        found = groups_after(metadata, skip)
        groups_read.extend(found[1])
        return found

    monkeypatch.setattr(files, "groups_after", told)
    run(made)
    assert groups_read == [2, 3, 4, 5, 6, 7], "14 of the 20 rows that are stored are not read again"
    (seen,) = imports_of(connection_id=connection.pk, now=datetime.now(UTC))
    assert (seen.state, seen.share, seen.record.stored, seen.record.quarantined) == ("done", 1.0, 48, 2)
    assert "history.parquet" in client.get("/connections/press/trust/").content.decode()
    assert shares(capsys) == ["60%", "80%", "100%"], "on from where it stopped"
    rows = SignalSample.objects.order_by("source_time").values_list(
        "source_time", "v_int", "v_float", "quality"
    )
    found = {at: (whole if whole is not None else part, quality) for at, whole, part, quality in rows}
    expected = {
        at: (value if value is None else float(value), 0 if n < 30 else 2)
        for n, (at, value) in enumerate(zip(times, values, strict=True))
        if n not in (30, 40)
    }
    assert found == expected
    unread = dict(QuarantinedMessage.objects.values_list("source", "reason"))
    assert unread["history.parquet:31"].startswith("line 31: quality: read 'broken'")
    assert unread["M9/none"] == "unknown address"

    damaged = path.with_name("damaged.parquet")
    damaged.write_bytes(made.read_bytes()[:-200])
    with pytest.raises(CommandError, match=r"damaged\.parquet"):
        run(damaged)


def test_a_new_file_of_protocols_is_a_new_connector_without_a_list(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "novel.py").write_text("class NovelConnector:\n    slug = 'novel'\n")
    monkeypatch.setattr(protocols, "__path__", [*protocols.__path__, str(tmp_path)])
    found = registry.collect(registry.built_in())
    assert {"files", "mqtt", "opcua", "sparkplug", "novel"} <= set(found)
    monkeypatch.delitem(sys.modules, "connectors.protocols.novel")

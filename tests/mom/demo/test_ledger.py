from __future__ import annotations

from pathlib import Path

from mom.demo.events import Truth
from mom.demo.ledger import Ledger, ledger_read


def truth(number: int) -> Truth:
    return Truth(number, "state", f"L1-{number}", {"unit": "L1-FILLER", "end": number})


def test_what_was_committed_is_read_back(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.jsonl")
    ledger.append([truth(1), truth(2)], until=5)
    ledger.append([], until=6)
    ledger.append([truth(7)], until=8)
    assert [entry["id"] for entry in ledger_read(tmp_path / "ledger.jsonl")] == ["L1-1", "L1-2", "L1-7"]


def test_a_torn_group_is_not_the_truth(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    Ledger(path).append([truth(1)], until=5)
    with open(path, "ab") as file:
        file.write(b'{"kind":"state","id":"L1-2"}\n{"kind":"comm')
    assert [entry["id"] for entry in ledger_read(path)] == ["L1-1"]


def test_going_on_from_a_save_cuts_off_what_came_after_it(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    first = Ledger(path)
    saved = first.append([truth(1)], until=5)
    first.append([truth(2)], until=6)
    first.close()
    second = Ledger(path, length=saved)
    second.append([truth(3)], until=9)
    assert [entry["id"] for entry in ledger_read(path)] == ["L1-1", "L1-3"]

"""The list of the specification's demands and the tests named after them: neither without the other."""

from __future__ import annotations

import ast
import tomllib
from collections import Counter
from pathlib import Path

HERE = Path(__file__).parent
LISTED = tomllib.loads((HERE / "requirements.toml").read_text())
TESTED = [*LISTED["host"], *LISTED["survived"]]


def named_tests() -> list[str]:
    return [
        node.name
        for path in sorted(HERE.glob("test_*.py"))
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_tck_id_")
    ]


def test_every_demand_on_a_host_has_one_test_of_its_name_and_every_such_test_a_demand() -> None:
    wanted = sorted(f"test_tck_id_{name.replace('-', '_').lower()}" for name in TESTED)
    assert sorted(named_tests()) == wanted


def test_every_demand_is_listed_once_with_its_words_or_a_reason() -> None:
    others = [name for group in ("not_sent", "edge", "broker") for name in LISTED[group]["ids"].split()]
    assert [name for name, count in Counter([*TESTED, *others]).items() if count > 1] == []
    assert all(LISTED[group]["reason"] for group in ("not_sent", "edge", "broker"))
    assert all([*LISTED["host"].values(), *LISTED["survived"].values()])
    assert len(LISTED["host"]) >= 89
    assert len([*TESTED, *others]) == 299

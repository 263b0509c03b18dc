"""What import contracts cannot show: keys point down, models speak, files stay short, jobs are bound."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest
from celery import current_app
from django.apps import apps
from django.conf import settings
from django.db.models import ForeignKey, Model

from mom import documentation
from plant.jobs import Job

FLOORS = {
    "plant": 0,
    "connectors": 1,
    "production": 2,
    "traceability": 3,
    "maintenance": 4,
    "quality": 4,
    "mom": 5,
}
PRODUCT = tuple(FLOORS)
MODELS = list(documentation.models())


def sources() -> Iterator[Path]:
    for app in PRODUCT:
        for path in sorted((settings.BASE_DIR / app).rglob("*.py")):
            if "migrations" not in path.parts and not path.name.endswith("_pb2.py"):
                yield path


def name_of(model: type[Model]) -> str:
    return model._meta.label


@pytest.mark.parametrize("model", MODELS, ids=name_of)
def test_keys_point_to_the_same_or_a_lower_floor(model: type[Model]) -> None:
    for field in model._meta.get_fields():
        if not isinstance(field, ForeignKey) or field.related_model._meta.app_label not in FLOORS:
            continue
        own, other = model._meta.app_label, field.related_model._meta.app_label
        if own == other:
            continue
        assert FLOORS[other] < FLOORS[own], f"{field} points up or sideways to {other}"
        assert field.remote_field.hidden, f"{field}: cross-app keys have related_name='+'"


@pytest.mark.parametrize("model", MODELS, ids=name_of)
def test_a_model_says_what_it_is(model: type[Model]) -> None:
    text = inspect.cleandoc(model.__doc__ or "")
    assert len(text) > 30, "no docstring"
    assert not text.startswith(f"{model.__name__}("), "no docstring of its own"


@pytest.mark.parametrize("model", MODELS, ids=name_of)
def test_every_field_says_what_it_means(model: type[Model]) -> None:
    own = [
        field for field in documentation.own_fields(model) if field.model.__module__.split(".")[0] in FLOORS
    ]
    inherited = {"pk", "password", "last_login", "digest", "token_key", "user", "created", "expiry"}
    silent = [
        field.name
        for field in own
        if not field.help_text
        and field.name not in inherited
        and not hasattr(model._meta.model, "USERNAME_FIELD")
    ]
    assert silent == []


def test_generated_documents_agree_with_the_models() -> None:
    assert documentation.outdated(settings.BASE_DIR) == [], "run: manage.py docs_generate"


def test_no_file_is_over_400_lines() -> None:
    long = {
        str(path.relative_to(settings.BASE_DIR)): count
        for path in sources()
        if (count := len(path.read_text().splitlines())) > 400
    }
    assert long == {}


def _opens_with_a_comment(lines: list[str], node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    above = node.body[0].lineno - 2
    return lines[above].lstrip().startswith("#")


def test_no_function_is_over_40_lines_without_a_reason() -> None:
    """The reason is a comment on its first line."""
    long = []
    for path in sources():
        text = path.read_text()
        lines = text.splitlines()
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                size = (node.end_lineno or node.lineno) - node.lineno + 1
                if size > 40 and not _opens_with_a_comment(lines, node):
                    long.append(f"{path.relative_to(settings.BASE_DIR)}:{node.lineno} {node.name} {size}")
    assert long == []


def jobs() -> dict[str, Job]:
    found = {}
    for app in PRODUCT:
        if find_spec(f"{app}.jobs"):
            module = import_module(f"{app}.jobs")
            found.update(
                {f"{app}.{name}": value for name, value in vars(module).items() if isinstance(value, Job)}
            )
    return found


def test_every_job_is_bound_to_a_task() -> None:
    for app in PRODUCT:
        if find_spec(f"{app}.tasks"):
            import_module(f"{app}.tasks")
    declared = jobs()
    assert declared, "no job found at all"
    unbound = [name for name, job in declared.items() if job.name not in current_app.tasks]
    assert unbound == []


def test_every_scheduled_task_exists_and_names_its_queue() -> None:
    for app in PRODUCT:
        if find_spec(f"{app}.tasks"):
            for name, entry in getattr(import_module(f"{app}.tasks"), "BEAT", {}).items():
                assert entry["task"] in current_app.tasks, name


def test_product_never_imports_tests() -> None:
    guilty = [
        str(path)
        for path in sources()
        if "from tests" in path.read_text() or "import tests" in path.read_text()
    ]
    assert guilty == []


def test_apps_are_alike() -> None:
    assert {config.name for config in apps.get_app_configs()} >= set(PRODUCT)
    for app in PRODUCT[:-1]:
        for name in ("models", "selectors", "services", "domain", "api", "admin", "urls"):
            assert find_spec(f"{app}.{name}"), f"{app} has no {name}"

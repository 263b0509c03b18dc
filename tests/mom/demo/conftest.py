from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from mom.demo.spec import PlantSpec, plant_spec

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="session")
def plant_document() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((ROOT / "examples" / "demo_plant.yaml").read_text())
    return document


@pytest.fixture(scope="session")
def plant(plant_document: dict[str, Any]) -> PlantSpec:
    return plant_spec(plant_document)

"""The simulated plant as read from a plant file: its ordinary sections plus the section ``simulation``."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from typing import Any

from mom.demo.shifts import LineCalendar


@dataclass(frozen=True, slots=True)
class Fault:
    """A way to stop: strikes after exponential running time, lasts lognormal, shows a code and an alarm."""

    code: int
    name: str
    reason: str
    others: tuple[str, ...]
    every_minutes: float
    median_seconds: float
    sigma: float
    state: str
    severe: bool


@dataclass(frozen=True, slots=True)
class ProcessValue:
    """A measured value around its set-point: first-order autoregressive noise, one step a minute."""

    key: str
    setpoints: dict[str, float]
    sigma: float
    memory: float
    decimals: int
    idle: float | None


@dataclass(frozen=True, slots=True)
class Consumed:
    """A family of the bill of materials used at a machine; ``lot_quantity`` is in the material's unit."""

    family: str
    lot_quantity: Decimal
    supplier: str
    shortage: float


@dataclass(frozen=True, slots=True)
class MachineSpec:
    code: str
    pace: int
    packml: bool
    changeover_share: float
    faults: tuple[Fault, ...]
    scrap_every: int
    scrap_burst: int
    scrap_restart: int
    values: tuple[ProcessValue, ...]
    consumes: tuple[Consumed, ...]
    tools: dict[str, str]
    counter_roles: tuple[str, ...]
    counter_seconds: int
    counter_start: int
    counter_modulus: int
    counter_reset: str
    slow_every_hours: float
    slow_minutes: float
    slow_percent: int
    clean_every_hours: float
    clean_minutes: float
    constraint: bool
    registered_ms: int


@dataclass(frozen=True, slots=True)
class Product:
    code: str
    family: str
    unit_pieces: int
    bom: dict[str, tuple[str, Decimal]]
    """Material family → (material, quantity per piece)."""


@dataclass(frozen=True, slots=True)
class Check:
    """A quality check people do every so many minutes, on something a process value also measures."""

    specification: str
    unit: str
    every_minutes: int
    value: str
    sigma: float
    decimals: int
    products: tuple[str, ...]
    in_sheet: bool
    """Kept in quality's own spreadsheet instead of being told to the product at once."""


@dataclass(frozen=True, slots=True)
class LineSpec:
    code: str
    machines: tuple[MachineSpec, ...]
    capacities: tuple[int, ...]
    calendar: LineCalendar
    products: dict[str, Product]
    speeds: dict[tuple[str, str], int]
    changeovers: dict[tuple[str, str], float]
    order_hours: tuple[float, float]
    campaign: tuple[int, int]
    swaps_per_week: float
    updates_per_week: float
    operators: tuple[tuple[str, ...], ...]
    supervisors: tuple[str, ...]
    maintainers: tuple[str, ...]
    checks: tuple[Check, ...]


@dataclass(frozen=True, slots=True)
class PlantSpec:
    seed: str
    zone: str
    lines: tuple[LineSpec, ...]


def plant_spec(document: dict[str, Any]) -> PlantSpec:
    """The simulated plant of a parsed plant file. A missing key is a KeyError naming it: the file is ours."""
    simulation = document["simulation"]
    zone = document["site"]["time_zone"]
    lines = tuple(_line(document, line, zone) for line in simulation["lines"])
    return PlantSpec(seed=str(simulation["seed"]), zone=zone, lines=lines)


def _units(document: dict[str, Any], line: str) -> list[dict[str, Any]]:
    areas = document["equipment"]
    found = next(child for area in areas for child in area["children"] if child["code"] == line)
    return sorted(found["children"], key=lambda unit: unit["position"])


def _line(document: dict[str, Any], line: dict[str, Any], zone: str) -> LineSpec:
    code = line["line"]
    units = _units(document, code)
    machines = {machine["equipment"]: machine for machine in document["simulation"]["machines"]}
    pattern = max((c for c in document["calendars"] if c["line"] == code), key=lambda c: str(c["valid_from"]))
    links = {(link["upstream"], link["downstream"]): link["buffer_capacity"] for link in document["links"]}
    codes = [unit["code"] for unit in units]
    products = {
        p.code: p
        for p in (_product(document, m, line) for m in document["work_masters"] if m["line"] == code)
    }
    return LineSpec(
        code=code,
        machines=tuple(_machine(unit, machines[unit["code"]]) for unit in units),
        capacities=tuple(links[pair] for pair in pairwise(codes)),
        calendar=LineCalendar(zone, pattern),
        products=products,
        speeds={(r["equipment"], r["product"]): r["units_per_hour"] for r in document["ideal_rates"]},
        changeovers=_changeovers(document, code, products),
        order_hours=tuple(line["order_hours"]),
        campaign=tuple(line["campaign"]),
        swaps_per_week=line["swaps_per_week"],
        updates_per_week=line["updates_per_week"],
        operators=tuple(tuple(team) for team in line["operators"]),
        supervisors=tuple(line["supervisors"]),
        maintainers=tuple(line["maintainers"]),
        checks=tuple(
            Check(
                c["specification"], c["equipment"], c["every_minutes"], c["value"], c["sigma"], c["decimals"],
                tuple(c.get("products", ())), c.get("kept_in") == "sheet",
            )
            for c in line["checks"]
        ),
    )  # fmt: skip


def _product(document: dict[str, Any], master: dict[str, Any], line: dict[str, Any]) -> Product:
    families = {material["code"]: material["family"] for material in document["materials"]}
    return Product(
        code=master["product"],
        family=families[master["product"]],
        unit_pieces=line["handling_unit"][families[master["product"]]],
        bom={families[i["material"]]: (i["material"], Decimal(str(i["quantity"]))) for i in master["bom"]},
    )


def _changeovers(
    document: dict[str, Any], line: str, products: dict[str, Product]
) -> dict[tuple[str, str], float]:
    """Minutes by product pair: the most particular standard wins (products, families, the line's)."""
    standards = [s for s in document["changeover_standards"] if s["line"] == line]
    minutes: dict[tuple[str, str], float] = {}
    for a in products.values():
        for b in products.values():
            fits = [
                (("from_product" in s) * 2 + ("from_family" in s), s["minutes"])
                for s in standards
                if s.get("from_product", a.code) == a.code
                and s.get("to_product", b.code) == b.code
                and s.get("from_family", a.family) == a.family
                and s.get("to_family", b.family) == b.family
            ]
            minutes[a.code, b.code] = 6.0 if a.code == b.code else float(max(fits)[1])
    return minutes


def _machine(unit: dict[str, Any], sim: dict[str, Any]) -> MachineSpec:
    counters = sim["counters"]
    slow = sim.get("slow", {})
    clean = sim.get("cleaning", {})
    return MachineSpec(
        code=unit["code"],
        pace=sim.get("pace", 100),
        packml=sim.get("packml", False),
        changeover_share=sim["changeover_share"],
        faults=tuple(_fault(fault) for fault in sim["faults"]),
        scrap_every=sim["scrap"]["every_pieces"],
        scrap_burst=sim["scrap"]["burst"],
        scrap_restart=sim["scrap"].get("after_stop", 0),
        values=tuple(_value(value) for value in sim.get("values", [])),
        consumes=tuple(_consumed(c) for c in sim.get("consumes", [])),
        tools=sim.get("tools", {}),
        counter_roles=tuple(counters["roles"]),
        counter_seconds=counters["seconds"],
        counter_start=counters.get("start", 0),
        counter_modulus=counters.get("modulus", 0),
        counter_reset=counters.get("reset", "never"),
        slow_every_hours=slow.get("every_hours", 0),
        slow_minutes=slow.get("median_minutes", 0),
        slow_percent=slow.get("percent", 100),
        clean_every_hours=clean.get("every_hours", 0),
        clean_minutes=clean.get("minutes", 0),
        constraint=unit.get("constraint", False),
        registered_ms=unit["registered_stop"] * 1000,
    )


def _consumed(used: dict[str, Any]) -> Consumed:
    return Consumed(
        used["family"], Decimal(str(used["lot_quantity"])), used["supplier"], used.get("shortage", 0.0)
    )


def _fault(fault: dict[str, Any]) -> Fault:
    return Fault(
        code=fault["code"],
        name=fault["name"]["en"],
        reason=fault["reason"],
        others=tuple(fault.get("mistaken_for", [])),
        every_minutes=fault["every_minutes"],
        median_seconds=fault["median_seconds"],
        sigma=fault.get("sigma", 0.6),
        state=fault.get("state", "held"),
        severe=fault.get("state", "held") == "aborted",
    )


def _value(value: dict[str, Any]) -> ProcessValue:
    setpoint = value["setpoint"]
    return ProcessValue(
        key=value["key"],
        setpoints=setpoint if isinstance(setpoint, dict) else {"": float(setpoint)},
        sigma=value["sigma"],
        memory=value.get("memory", 0.9),
        decimals=value.get("decimals", 1),
        idle=value.get("idle"),
    )

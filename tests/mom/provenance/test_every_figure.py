"""Every figure a page shows is computed anew from the evidence its link opens, and must come out the same."""

from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from html.parser import HTMLParser
from itertools import pairwise
from urllib.parse import urljoin
from zoneinfo import ZoneInfo

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from mom.pages import reading, words
from mom.templatetags.screen import signed
from plant.access import rule
from plant.models import EquipmentLink, MaterialDefinition
from production import services
from production.models import ChangeoverStandard, ContributionRate, CostRate, JobOrder
from tests.factories import plant as make
from tests.factories.pages import Plant, plant_running
from tests.factories.production import ARRIVED
from tests.factories.record import line_stitched, order_told
from tests.mom.pages.test_changeovers import changed_over
from tests.mom.pages.test_comparison import made
from tests.mom.pages.test_day import planned

pytestmark = pytest.mark.django_db
BACKEND = "django.contrib.auth.backends.ModelBackend"
LINK = re.compile(r"<a\b([^>]*\bdata-evidence\b[^>]*)>(.*?)</a>", re.DOTALL)
SECOND = Decimal(1)


@dataclass(frozen=True)
class Shown:
    """A figure as a page shows it, and where its evidence is."""

    text: str
    href: str


def shown_on(body: str) -> list[Shown]:
    found = []
    for attributes, inside in LINK.findall(body):
        href = re.search(r'href="([^"]*)"', attributes)
        bold = re.search(r"<b\b[^>]*>(.*?)</b>", inside, re.DOTALL)
        text = re.sub(r"<[^>]+>", "", bold[1] if bold else inside)
        found.append(Shown(" ".join(html.unescape(text).split()), html.unescape(href[1]) if href else ""))
    return found


def computed_from(body: str) -> tuple[Decimal | None, str]:
    """The value by the formula on the page, from nothing but its rows; and the kind of value."""
    terms: dict[str, Decimal | None] = {}
    for symbol, table in re.findall(r'data-term="([^"]*)"(.*?)</section>', body, re.DOTALL):
        amounts = re.findall(r'data-amount="([^"]*)"', table)
        terms[symbol] = None if "" in amounts else sum(map(Decimal, amounts), Decimal(0))
    formula = re.search(r"<b>= (.*?)</b>", body) or re.search(r'data-formula="(.*?)"', body)
    kind = re.search(r'data-kind="(\w+)"', body)
    assert formula, body[:500]
    assert kind, body[:500]
    symbols = html.unescape(formula[1]).split(" / ")
    values = [terms[symbol] for symbol in symbols]
    if None in values:
        return None, kind[1]
    if len(values) == 1:
        return values[0], kind[1]
    return (values[0] / values[1] if values[1] else None), kind[1]  # type: ignore[operator]


class Bare(HTMLParser):
    """Numbers shown as figures that open nothing: neither evidence, nor told as a fact, share or check."""

    TOLD = ("data-evidence", "data-fact", "data-share", "data-check")
    VOID = frozenset(("br", "img", "input", "meta", "link", "path", "rect", "line", "circle", "use", "hr"))

    def __init__(self) -> None:
        super().__init__()
        self.open: list[tuple[str, bool, bool]] = []
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in self.VOID:
            return
        classes = (dict(attrs).get("class") or "").split()
        in_figure = any(name == "figure" for name, _figure, _told in self.open)
        is_figure = (bool({"num", "num-text"} & set(classes)) and tag != "th") or (tag == "b" and in_figure)
        told = any(name in dict(attrs) for name in self.TOLD)
        name = "figure" if "figure" in classes or "figure-big" in classes else tag
        self.open.append((name, is_figure, told))

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID and self.open:
            self.open.pop()

    def handle_data(self, data: str) -> None:
        shown = any(is_figure for _name, is_figure, _told in self.open)
        if shown and not any(told for *_, told in self.open) and any(c.isdigit() for c in data):
            self.found.append(" ".join(data.split()))


def bare_on(body: str) -> list[str]:
    parser = Bare()
    parser.feed(body[body.index("<main") :])
    return parser.found


def texts_of(value: Decimal | None, kind: str, currency: str = "") -> set[str]:
    """How pages may show a value: a time that is rounded with its neighbours may be a second off."""
    if value is None:
        return {"–"}
    if kind == "ratio":
        return {words.percent(value)}
    if kind == "pieces":
        plain = {words.quantity(value), words.quantity(round(value)), signed(round(value))}
        return plain | {f"{text} {unit}" for text in plain for unit in ("pcs", "pièces")}
    if kind == "number":
        return {words.quantity(value), words.quantity(round(value))}
    if kind == "money":
        return {words.money(value, currency)}
    near = [timedelta(seconds=float(value + off * SECOND)) for off in (-1, 0, 1)]
    spans = {words.span(time) for time in near} | {words.span_minutes(time) for time in near}
    return spans | {f"{sign}{text}" for text in spans for sign in "−+"}


def check(client: Client, body: str, at: str = "", *, whole: bool = True, most: int = 0) -> int:
    """Open the evidence of each figure shown; how many there were. ``whole``: and no figure is without.

    ``most``: no more than so many of one name, where each takes long to open.
    """
    assert not whole or bare_on(body) == []
    found, names = [], Counter[str]()
    for figure in shown_on(body):
        name = figure.href.partition("?")[0]
        names[name] += 1
        if not most or names[name] <= most:
            found.append(figure)
    for figure in found:
        opens = urljoin(at, figure.href)
        answer = client.get(opens)
        assert answer.status_code == 200, figure
        page = answer.content.decode()
        value, kind = computed_from(page)
        currency = re.search(r'data-currency="(\w*)"', page)
        text = re.sub(r" (pcs|pièces)/h$", "", figure.text)
        text = re.sub(r"^([\d.,]+) (stops?|times? in 30 days|per 100 hours run)$", r"\1", text)
        assert text in texts_of(value, kind, currency[1] if currency else ""), (figure, value)
        assert 'id="agrees"' in page
        if "/losses/events/" in opens:
            continue
        assert 'class="check mb-0"' in page, f"its own rows do not give the value: {figure}"
        assert 'id="versions"' in page
        assert 'id="excluded"' in page
        assert 'id="edits"' in page
        assert 'id="trust"' in page or "/figures/changeover_" in opens or "/figures/sequence_" in opens
    return len(found)


@pytest.fixture
def plant() -> Iterator[Plant]:
    reading.forget()
    cache.clear()
    found = plant_running(now=timezone.now() - timedelta(hours=5))
    links(found)
    yield found
    reading.forget()


def links(plant: Plant) -> None:
    for units in plant.units.values():
        for before, after in pairwise(units):
            EquipmentLink.objects.create(upstream=before, downstream=after, buffer_capacity=200)


@pytest.fixture
def supervisor(client: Client, plant: Plant) -> Client:
    assert plant.supervisor is not None
    client.force_login(plant.supervisor, backend=BACKEND)
    return client


def page(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200, address
    return str(answer.content.decode())


def running_seen(client: Client, *, linked: bool = False) -> Plant:
    """Two lines in the middle of their shift, and their supervisor."""
    reading.forget()
    cache.clear()
    plant = plant_running()
    if linked:
        links(plant)
    assert plant.supervisor is not None
    client.force_login(plant.supervisor, backend=BACKEND)
    return plant


@pytest.mark.parametrize("linked", [False, True])
def test_figures_of_the_line_page(client: Client, linked: bool) -> None:
    """With links between its machines, losses are told by where they started; without, by cause alone."""
    running_seen(client, linked=linked)
    assert check(client, page(client, "/lines/L2/")) >= 3
    assert check(client, page(client, "/lines/L2/questions/"), whole=False) == 1


@pytest.mark.parametrize("standard", ["nf", "iso"])
def test_figures_of_the_losses_page(client: Client, standard: str) -> None:
    running_seen(client)
    body = page(client, f"/losses/?equipment=L2&period=shift&standard={standard}")
    assert check(client, body) >= 12


@pytest.mark.parametrize("metric", ["time", "count", "pieces"])
def test_figures_of_causes_open_the_stretches_they_add_up(client: Client, metric: str) -> None:
    """Between its causes a line's losses open its breakdowns too: how often it was halted, and how long."""
    running_seen(client, linked=True)
    body = page(client, f"/losses/?equipment=L2&period=shift&metric={metric}")
    assert body.count("/losses/events/") >= 12
    assert "figures/line_mtbf/" in body
    assert check(client, body) >= 30
    events = html.unescape(re.search(r'href="(/losses/events/[^"]*)"', body)[1])  # type: ignore[index]
    assert check(client, page(client, events), events) >= 2


def test_a_figure_without_evidence_is_seen(client: Client) -> None:
    running_seen(client)
    body = page(client, "/lines/L2/")
    assert bare_on(body) == []
    assert bare_on(body.replace("data-evidence", "")) != []


def test_figures_of_the_changeovers(client: Client) -> None:
    plant = plant_running()
    changed_over(plant, 25)
    line = plant.lines[1]
    ChangeoverStandard.objects.create(line=line, seconds=20 * 60)
    orders = list(JobOrder.objects.filter(line=line).order_by("sequence"))
    services.sequence_change(
        line_id=line.pk, job_order_ids=[order.pk for order in (orders[1], orders[0], *orders[2:])],
        by=rule("test"), why="glass is late", at=plant.now - timedelta(hours=2),
    )  # fmt: skip
    assert plant.supervisor is not None
    client.force_login(plant.supervisor, backend=BACKEND)
    assert check(client, page(client, "/changeovers/?line=L2")) >= 9


def test_figures_of_the_hours(client: Client) -> None:
    """Each hour's target, pieces, gaps and dearest loss, and what the rest of the shift must bring."""
    running_seen(client)
    body = page(client, "/lines/L2/hours/")
    assert check(client, body) >= 20
    for figure in ("hour_target", "hour_good", "hour_gap", "hour_gap_so_far", "hour_loss"):
        assert f"figures/{figure}/" in body, figure
    for figure in ("shift_target", "shift_good", "shift_recovery", "shift_left", "shift_pace"):
        assert f"figures/{figure}/" in body, figure


def test_figures_of_a_day(client: Client) -> None:
    """Plan, pieces, what is missing; of a cause pieces, time, stops, money, lateness, how often before."""
    found = running_seen(client, linked=True)
    since = found.now - timedelta(days=400)
    for product in MaterialDefinition.objects.filter(kind="finished"):
        ContributionRate.objects.create(product=product, per_unit=Decimal("0.25"), valid_from=since)
    CostRate.objects.create(equipment=found.lines[1], per_hour=Decimal(480), valid_from=since)
    planned(found)
    # After midnight the shift going on is still the day before's.
    day = timezone.localdate(timezone=ZoneInfo("Europe/Paris"))
    bodies = [page(client, f"/lines/L2/days/{day - timedelta(days=ago)}/") for ago in (0, 1)]
    assert sum(check(client, body, most=1) for body in bodies) >= 12
    told = "".join(bodies)
    for figure in ("planned", "good", "day_missing", "day_beyond", "day_department", "day_scrap"):
        assert f"figures/{figure}/" in told, figure
    for figure in ("", "_time", "_count", "_money", "_cost", "_late", "_month", "_rate"):
        assert f"figures/day_cause{figure}/" in told, figure


def test_figures_of_a_comparison(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timezone, "now", lambda: ARRIVED)
    line, product = line_stitched(), make.material_make()
    orders = [made(line, product, number) for number in range(3)]
    client.force_login(make.account_make("supervisor", line.site), backend=BACKEND)
    assert check(client, page(client, f"/orders/{orders[2].code}/comparison/")) >= 12


def test_figures_of_a_shift_report(supervisor: Client, plant: Plant) -> None:
    last = supervisor.get("/lines/L2/shifts/last/")["Location"]
    body = page(supervisor, last.rsplit("/", 2)[0] + "/M/")
    assert check(supervisor, body, most=1) >= 8


def test_figures_of_a_record(client: Client) -> None:
    told = order_told()
    client.force_login(make.user_make(told.supervisor), backend=BACKEND)
    assert check(client, page(client, f"/orders/{told.order.code}/"), whole=False) >= 6


def test_evidence_of_a_cause_is_the_lost_time_charged_to_it(supervisor: Client, plant: Plant) -> None:
    start, end = plant.now - timedelta(hours=4), plant.now
    window = {"start": start.isoformat(), "end": end.isoformat()}
    told = supervisor.get("/api/v1/equipment/L2/line-losses", window).json()
    assert told["rows"]
    for row in told["rows"]:
        asked = {
            **window,
            "kind": row["kind"],
            "machine": row["equipment"] or "",
            "reason": row["reason"] or "",
            "class": row["time_class"],
            "uncoded": "1" if row["uncoded"] else "",
        }
        found = supervisor.get("/api/v1/equipment/L2/figures/lost", asked).json()
        same = [
            other
            for other in told["rows"]
            if row["uncoded"]
            and other["uncoded"]
            and (other["kind"], other["equipment"]) == (row["kind"], row["equipment"])
        ] or [row]
        seconds = sum(Decimal(one["amount"]) for one in found["terms"][0]["rows"])
        assert seconds == sum(Decimal(other["seconds"]) for other in same)


def test_a_figure_nobody_knows_is_not_found(supervisor: Client, plant: Plant) -> None:
    window = "start=2026-01-01T00:00:00Z&end=2026-01-02T00:00:00Z"
    for address in (
        f"/equipment/L2/figures/none/?{window}",
        "/equipment/L2/figures/trs/?start=x&end=y",
        "/equipment/L2/figures/trs/?start=2026-01-02T00:00:00Z&end=2026-01-01T00:00:00Z",
        "/orders/none/figures/good/",
    ):
        assert supervisor.get(address).status_code == 404, address

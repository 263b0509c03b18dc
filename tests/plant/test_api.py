"""The API's ground: keys, scope, strict filters, ETags, writes that count once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from plant import services
from plant.access import rule
from plant.models import ApiToken, AuditEntry, Decision, Person, User
from tests.factories import plant as make

pytestmark = pytest.mark.django_db
BY = rule("test")


def caller(user: User, scope: str = "read") -> Client:
    _token, secret = services.token_create(user=user, name="k", scope=scope, days=1, by=BY)
    return Client(headers={"Authorization": f"Token {secret}"})


def decision(place: make.Line, **changes: Any) -> dict[str, Any]:
    return {
        "kind": "schedule_change",
        "line": place.line.code,
        "subject_type": "line",
        "subject_code": place.line.code,
        "summary": "B before A",
        "why": "caps late",
        **changes,
    }


def post(client: Client, body: Any, **headers: str) -> Any:
    return client.post("/api/v1/decisions", body, content_type="application/json", headers=headers)


def test_a_key_is_kept_as_a_hash_and_says_when_it_was_used() -> None:
    user = make.account_make("engineer", make.line_make().line)
    token, secret = services.token_create(user=user, name="Grafana", scope="read", days=1, by=BY)
    assert secret not in (token.digest, token.token_key)
    assert token.last_used_at is None
    client = Client(headers={"Authorization": f"Token {secret}"})
    assert client.get("/api/v1/equipment").status_code == 200
    token.refresh_from_db()
    assert token.last_used_at is not None
    ApiToken.objects.update(expiry=token.created - timedelta(seconds=1))
    assert client.get("/api/v1/equipment").status_code == 401


def test_a_read_only_key_of_a_supervisor_decides_nothing() -> None:
    line = make.line_make()
    user = make.account_make("supervisor", line.line)
    assert caller(user, "read").get("/api/v1/decisions").status_code == 200
    assert post(caller(user, "read"), decision(line)).status_code == 403
    assert post(caller(user, "write"), decision(line)).status_code == 201
    assert Decision.objects.get().said_by == user.person


def test_someone_switched_off_is_out_at_the_next_request() -> None:
    line = make.line_make()
    user = make.account_make("engineer", line.line)
    by_key, by_session = caller(user), Client()
    by_session.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    assert (
        by_key.get("/api/v1/equipment").status_code == by_session.get("/api/v1/equipment").status_code == 200
    )
    Person.objects.filter(user=user).update(is_active=False)
    assert (
        by_key.get("/api/v1/equipment").status_code == by_session.get("/api/v1/equipment").status_code == 403
    )
    Person.objects.filter(user=user).update(is_active=True)
    User.objects.filter(pk=user.pk).update(is_active=False)
    assert (
        by_key.get("/api/v1/equipment").status_code == by_session.get("/api/v1/equipment").status_code == 401
    )


def test_an_unknown_filter_is_refused_with_the_nearest_names() -> None:
    client = caller(make.account_make("engineer", make.line_make().line))
    answer = client.get("/api/v1/equipment?lines=L1")
    assert answer.status_code == 400
    [said] = answer.json()["lines"]
    assert said.startswith("unknown filter: read 'lines', expected one of: line,")
    assert client.get("/api/v1/equipment?level=lin").status_code == 400


def test_places_are_found_by_level_line_parent_and_class_and_only_in_scope() -> None:
    line, other = make.line_make(2), make.line_make(1)
    client = caller(make.account_make("operator", line.line))

    def codes(query: str) -> list[str]:
        return [row["code"] for row in client.get(f"/api/v1/equipment{query}").json()["results"]]

    units = [unit.code for unit in line.units]
    assert codes("") == [line.line.code, *units]
    assert codes("?level=work_unit") == units
    assert codes(f"?line={line.line.code}") == [line.line.code, *units]
    assert codes(f"?parent={line.line.code}") == units
    assert codes("?class=capper") == units[1:]
    assert codes(f"?line={other.line.code}") == []
    found = client.get(f"/api/v1/equipment/{units[0]}").json()
    assert (found["class"], found["parent"], found["is_constraint"]) == ("filler", line.line.code, True)
    missing = client.get(f"/api/v1/equipment/{other.unit.code}")
    assert (missing.status_code, missing.json()) == (404, {"detail": f"no equipment {other.unit.code}"})


def test_an_unchanged_answer_is_an_empty_304() -> None:
    line = make.line_make()
    client = caller(make.account_make("engineer", line.line))
    first = client.get("/api/v1/equipment")
    again = client.get("/api/v1/equipment", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    make.equipment_make(parent=line.line)
    changed = client.get("/api/v1/equipment", headers={"If-None-Match": first.headers["ETag"]})
    assert changed.status_code == 200


def test_a_machine_is_offered_the_reasons_of_its_class_the_wider_ones_and_everybodys() -> None:
    line = make.line_make(2)
    wide = make.equipment_class_make("packaging")
    filler = line.unit.equipment_class
    assert filler is not None
    filler.parent = wide
    filler.save()
    for code, owner in (
        ("OWN", filler),
        ("WIDE", wide),
        ("ALL", None),
        ("CAPPER", line.units[1].equipment_class),
    ):
        make.reason_make(code, equipment_class=owner)
    client = caller(make.account_make("operator", line.line))
    rows = client.get(f"/api/v1/reasons?equipment={line.unit.code}").json()["results"]
    assert {row["code"] for row in rows} == {"OWN", "WIDE", "ALL"}
    missing = client.get("/api/v1/reasons?equipment=NONE")
    assert (missing.status_code, missing.json()) == (404, {"detail": "no equipment NONE"})


def test_a_decision_has_a_reason_and_is_made_where_one_may() -> None:
    line, other = make.line_make(), make.line_make()
    client = caller(make.account_make("supervisor", line.line), "write")
    assert post(client, decision(line, why=" ")).status_code == 400
    answer = post(client, decision(line, line="NONE"))
    assert answer.json() == {"line": ["read 'NONE', expected a code known here"]}
    assert post(client, decision(other)).status_code == 403
    assert post(client, decision(line)).json()["why"] == "caps late"
    assert [row["summary"] for row in client.get("/api/v1/decisions").json()["results"]] == ["B before A"]


def test_a_write_sent_twice_under_one_key_is_done_once_and_answered_twice() -> None:
    line = make.line_make()
    client = caller(make.account_make("supervisor", line.line), "write")
    key = str(uuid4())
    first = post(client, decision(line), **{"Idempotency-Key": key})
    again = post(client, decision(line), **{"Idempotency-Key": key})
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    assert again.headers["Idempotent-Replay"] == "true"
    assert Decision.objects.count() == 1
    reused = post(client, decision(line, why="another"), **{"Idempotency-Key": key})
    assert reused.status_code == 422
    assert key in reused.json()["detail"]
    assert Decision.objects.count() == 1


def test_a_refused_write_keeps_no_answer() -> None:
    line = make.line_make()
    client = caller(make.account_make("supervisor", line.line), "write")
    key = {"Idempotency-Key": str(uuid4())}
    assert post(client, decision(line, why=""), **key).status_code == 400
    assert post(client, decision(line), **key).status_code == 201


def test_the_audit_trail_is_read_by_administrators_of_every_site() -> None:
    here, there = make.line_make(), make.line_make()
    services.token_create(user=make.user_make(), name="k", scope="read", days=1, by=BY)
    admin = make.account_make("admin", here.site)
    assert caller(admin).get("/api/v1/audit").status_code == 403
    admin.person.roles.create(role="admin", scope=there.site)
    found = caller(admin).get("/api/v1/audit?action=token.create").json()["results"]
    assert {row["actor"] for row in found} == {"rule:test"}
    assert [row["id"] for row in found] == sorted((row["id"] for row in found), reverse=True)
    assert AuditEntry.objects.filter(action="token.create").count() == len(found)


@pytest.mark.parametrize(("address", "version"), [("/api/schema", "3.1.1"), ("/api/schema/3.0", "3.0.3")])
def test_the_schema_says_which_openapi_it_is_and_names_every_enumeration(address: str, version: str) -> None:
    schema = Client().get(f"{address}?format=json").json()
    assert schema["openapi"] == version
    assert "/api/v1/equipment" in schema["paths"]
    components = schema["components"]
    assert "token" in components["securitySchemes"]
    unnamed = [
        name for name in components["schemas"] if name.endswith("Enum") and any(c.isdigit() for c in name)
    ]
    assert unnamed == []

"""Sign-in, a first password, language, keys, master data forms."""

from __future__ import annotations

import pytest
from django.test import Client

from plant import services
from plant.access import rule
from plant.models import AuditEntry, Equipment, Person, User
from tests.factories import plant as make

pytestmark = pytest.mark.django_db
PASSWORD = "right-horse-battery"


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def administrator() -> tuple[Client, make.Line]:
    line = make.line_make()
    return signed_in(make.account_make("admin", line.site)), line


def test_signing_in_follows_the_person_s_language_and_gives_a_new_session(client: Client) -> None:
    user = make.account_make("supervisor", make.line_make().line)
    Person.objects.filter(user=user).update(language="fr")
    client.get("/login/")
    client.session["before"] = 1
    before = client.session.session_key
    answer = client.post("/login/", {"username": user.username, "password": PASSWORD, "next": "/me/"})
    assert (answer.status_code, answer.headers["Location"]) == (302, "/me/")
    assert answer.cookies["language"].value == "fr"
    assert client.session.session_key != before
    assert client.get("/me/").headers["Content-Language"] == "fr"


def test_ten_wrong_passwords_lock_that_account_there_and_say_so(client: Client) -> None:
    user = make.account_make("supervisor", make.line_make().line)
    wrong = {"username": user.username, "password": "wrong"}
    answers = [client.post("/login/", wrong) for _ in range(10)]
    assert answers[0].status_code == 200
    assert b"alert" in answers[0].content
    assert answers[-1].status_code == 429
    assert b"quarter of an hour" in answers[-1].content
    assert client.post("/login/", {**wrong, "password": PASSWORD}).status_code == 429
    other = make.account_make("supervisor", make.line_make().line)
    assert client.post("/login/", {"username": other.username, "password": PASSWORD}).status_code == 302


def test_a_one_time_password_is_good_for_choosing_another(client: Client) -> None:
    line = make.line_make()
    person = make.person_make("supervisor", line.line)
    user = services.user_create(username="sup", password=PASSWORD, person=person, by=rule("test"))
    client = signed_in(user)
    assert client.get("/me/").headers["Location"] == "/password/"
    assert client.get("/api/v1/equipment").status_code == 403
    assert client.get("/password/").status_code == 200
    new = {"old_password": PASSWORD, "new_password1": "another-long-one", "new_password2": "another-long-one"}
    assert client.post("/password/", {**new, "new_password2": "x"}).status_code == 200
    assert client.post("/password/", new).headers["Location"] == "/"
    assert client.get("/me/").status_code == 200
    assert AuditEntry.objects.filter(action="user.password_change", subject_code="sup").exists()


@pytest.mark.parametrize(
    ("target", "where"),
    [
        ("/login/?next=/x", "/login/?next=/x"),
        ("https://elsewhere.test/", "/"),
        ("//elsewhere.test", "/"),
        ("", "/"),
    ],
)
def test_the_other_language_is_one_tap_and_stays_here(client: Client, target: str, where: str) -> None:
    answer = client.post("/language/", {"language": "fr", "next": target})
    assert (answer.status_code, answer.headers["Location"]) == (303, where)
    assert client.get("/login/").headers["Content-Language"] == "fr"
    client.post("/language/", {"language": "xx", "next": "/"})
    assert client.get("/login/").headers["Content-Language"] == "fr"
    client.post("/language/", {"language": "en", "next": "/"})
    assert client.get("/login/").headers["Content-Language"] == "en"
    assert client.get("/language/").status_code == 405


def test_a_key_is_shown_once() -> None:
    user = make.account_make("engineer", make.line_make().line)
    client = signed_in(user)
    assert client.post("/tokens/", {"name": "", "scope": "all", "days": 0}).status_code == 200
    made = client.post("/tokens/", {"name": "Grafana", "scope": "read", "days": 30})
    secret = made.context["secret"]
    assert made.status_code == 201
    assert secret.encode() in made.content
    assert "no-store" in made.headers["Cache-Control"]
    listed = client.get("/tokens/")
    assert b"Grafana" in listed.content
    assert secret.encode() not in listed.content
    assert secret not in str(list(AuditEntry.objects.values_list("after", flat=True)))


def test_a_form_leaves_who_before_and_after() -> None:
    client, line = administrator()
    row = Equipment.objects.get(pk=line.unit.pk)
    form = {
        "code": row.code,
        "level": row.level,
        "parent": row.parent_id,
        "equipment_class": row.equipment_class_id,
        "position": row.position,
        "name_en": "Renamed",
        "name_fr": row.name_fr,
        "registered_stop": "00:03:00",
        "parallel_orders": row.parallel_orders,
    }
    assert client.post(f"/admin/plant/equipment/{row.pk}/change/", form).status_code == 302
    entry = AuditEntry.objects.get(action="equipment.change")
    assert entry.person is not None
    assert entry.before == {"name_en": row.name_en, "registered_stop": None, "is_constraint": True}
    assert entry.after == {"name_en": "Renamed", "registered_stop": 180.0, "is_constraint": False}


def test_a_line_moved_by_form_takes_its_machines_along() -> None:
    client, line = administrator()
    hall = make.equipment_make("area", line.site, code="HALL-2")
    form = {"code": line.line.code, "level": "line", "parent": hall.pk, "position": 0, "name_en": "L"}
    form["parallel_orders"] = line.line.parallel_orders
    assert client.post(f"/admin/plant/equipment/{line.line.pk}/change/", form).status_code == 302
    line.unit.refresh_from_db()
    assert line.unit.path == f"{hall.path}{line.line.code}/{line.unit.code}/"
    circle = {"code": hall.code, "level": "area", "parent": line.unit.pk, "position": 0, "name_en": "H"}
    answer = client.post(f"/admin/plant/equipment/{hall.pk}/change/", circle)
    assert b"a part of itself" in answer.content


def test_a_person_s_new_pin_and_role_by_form_are_audited_and_the_pin_is_not_told() -> None:
    client, line = administrator()
    person = make.person_make(badge="P-1")
    form = {
        "badge": "P-1",
        "name": "Anne",
        "language": "fr",
        "is_active": "on",
        "new_pin": "7788",
        "roles-TOTAL_FORMS": 1,
        "roles-INITIAL_FORMS": 0,
        "roles-0-role": "operator",
        "roles-0-scope": line.line.pk,
    }
    assert client.post(f"/admin/plant/person/{person.pk}/change/", form).status_code == 302
    actions = set(AuditEntry.objects.values_list("action", flat=True))
    assert {"person.change", "person.pin_set", "roleassignment.create"} <= actions
    assert "7788" not in str(list(AuditEntry.objects.values_list("before", "after")))
    device = make.device_make(line.line)[0]
    now = device.enrolled_at
    assert now is not None
    assert services.badge_in(device=device, badge="P-1", pin="7788", now=now) == person


def test_a_new_account_gets_a_password_shown_once_that_must_be_changed() -> None:
    client, _line = administrator()
    answer = client.post("/admin/plant/user/add/", {"username": "new", "is_active": "on"}, follow=True)
    user = User.objects.get(username="new")
    assert user.must_change_password
    shown = [str(message) for message in answer.context["messages"]]
    password = next(text for text in shown if "once" in text).rpartition(": ")[2]
    assert user.check_password(password)
    assert password not in str(list(AuditEntry.objects.values_list("before", "after")))

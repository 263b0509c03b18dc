"""What a server granted of what was asked, on the connection's page."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.test import Client

from connectors.domain.columns import micros
from connectors.domain.notices import GRANTED, LISTENING, Notice
from connectors.domain.phrase import phrase_read
from connectors.selectors.nodes import granted_by, granted_said
from connectors.services.notices import notices_append
from tests.factories.connectors import connection_make
from tests.factories.plant import account_make, line_make

pytestmark = pytest.mark.django_db


def test_the_last_word_of_what_was_granted_is_on_the_page(client: Client) -> None:
    line = line_make(1)
    client.force_login(account_make("engineer", line.site))
    connection = connection_make(line.site, protocol="opcua", config={"endpoint": "opc.tcp://localhost:4840"})
    now = datetime.now(UTC)
    places = {"asked": 600, "short": 1, "values": 9, "every": "100", "slowest": "250.5"}
    for least in (1, 600):
        detail = GRANTED % (places | {"granted": least})
        told = Notice(LISTENING, "", micros(now), detail=detail)
        notices_append(connection_id=connection.pk, notices=[told], now=now)
    page = client.get(f"/connections/{connection.slug}/").content.decode()
    assert "queues of 600 asked, 600 or more granted" in page
    assert "1 or more granted" not in page
    notice = granted_by(connection_id=connection.pk)
    assert notice is not None
    in_french = granted_said(notice).said({GRANTED: "%(granted)s accordées, %(slowest)s ms"}.__getitem__)
    assert in_french == "600 accordées, 250.5 ms"


def test_what_a_server_said_in_its_own_words_stands_as_it_is() -> None:
    assert phrase_read(GRANTED, "100 % of %(asked)s").said(str) == "100 % of %(asked)s"

"""What a server granted of what was asked, on the connection's page."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.test import Client

from connectors.domain.columns import micros
from connectors.domain.notices import LISTENING, Notice
from connectors.services.notices import notices_append
from tests.factories.connectors import connection_make
from tests.factories.plant import account_make, line_make

pytestmark = pytest.mark.django_db


def test_the_last_word_of_what_was_granted_is_on_the_page(client: Client) -> None:
    line = line_make(1)
    client.force_login(account_make("engineer", line.site))
    connection = connection_make(line.site, protocol="opcua", config={"endpoint": "opc.tcp://localhost:4840"})
    now = datetime.now(UTC)
    for detail in ("queues of 600 asked, 1 or more granted", "queues of 600 asked, 600 or more granted"):
        told = Notice(LISTENING, "", micros(now), detail=detail)
        notices_append(connection_id=connection.pk, notices=[told], now=now)
    page = client.get(f"/connections/{connection.slug}/").content.decode()
    assert "queues of 600 asked, 600 or more granted" in page
    assert "1 or more granted" not in page

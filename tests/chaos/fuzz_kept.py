"""What a parser made of hostile bytes, taken on into the database: stored or in quarantine, each counted."""

from __future__ import annotations

import logging
import uuid
from contextlib import suppress
from datetime import UTC, datetime
from functools import cache
from typing import Any

from django.db import transaction
from django.test import Client

from connectors.models import Connection, QuarantinedMessage
from connectors.services import Delivery, deliveries_store, ingest
from plant.models import User
from tests.chaos.reading import Reading
from tests.factories.connectors import connection_make, signal_make
from tests.factories.plant import Line, account_make, line_make, material_make

ADDRESSES = ("M1/count", "M1/speed", "M1/text", "M1/0", "nsu=urn:x;s=a", "G/N:Speed", "L1/M1/temp")


@cache
def place() -> tuple[Line, Connection, User]:
    """A line, a connection with a signal for some of the golden addresses, and an account that may write."""
    line = line_make(1, code="FUZZ")
    made = connection_make(line.site, slug="fuzz", protocol="http")
    for address in ADDRESSES:
        signal_make(line.unit, address, connection=made, value_type="any")
    material_make("FUZZ-P")
    return line, made, account_make("engineer", line.site)


def kept(reading: Reading) -> list[str]:
    """Stored as a runner's batch would be, then taken back."""
    _, connection, _ = place()
    now = datetime.now(UTC)
    delivery = Delivery(
        samples=reading.samples, unread=reading.unread, gaps=reading.gaps, notices=reading.notices
    )
    try:
        # Not in what is taken back: a process knows which days it made
        ingest._partitions([delivery], now)
        with transaction.atomic():
            _, (result,) = deliveries_store(slug=connection.slug, deliveries=[delivery], now=now)
            rows = QuarantinedMessage.objects.filter(connection=connection).values_list("reason", "count")
            found = list(rows)
            transaction.set_rollback(True)
    except Exception as error:
        return [f"not storable: {type(error).__name__}: {str(error)[:200]}"]
    if sum(count for _, count in found) != result.quarantined:
        return [f"vanished: {result.quarantined} quarantined, {found[:3]} on record"]
    if any(not reason.strip() for reason, _ in found):
        return ["reason: in quarantine without one"]
    return []


def asked(path: str, body: bytes, **headers: str) -> list[str]:
    """A real request: taken, or refused with a sentence; anything else is a fault of ours."""
    client = Client(raise_request_exception=False)
    client.force_login(place()[2], backend="django.contrib.auth.backends.ModelBackend")
    logging.disable(logging.CRITICAL)
    try:
        with transaction.atomic():
            answer: Any = client.post(
                path,
                body,
                content_type=headers.pop("content_type", "application/json"),
                headers={"Idempotency-Key": str(uuid.uuid4()), **headers},
            )
            transaction.set_rollback(True)
    except Exception as error:
        return [f"not storable: {type(error).__name__}: {str(error)[:200]}"]
    finally:
        logging.disable(logging.NOTSET)
    if answer.status_code >= 500:
        said = getattr(answer, "exc_info", None)
        return [f"crash: answered {answer.status_code}: {said[1]!r}"[:300] if said else "crash: answered 500"]
    if answer.status_code >= 400:
        with suppress(UnicodeDecodeError):
            said = answer.content.decode()
            if len(said.split()) >= 2:
                return []
        return [f"reason: {answer.status_code} says nothing: {answer.content[:80]!r}"]
    return []

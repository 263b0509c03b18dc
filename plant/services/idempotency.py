"""A write sent twice under one key is done once and answered twice."""

from __future__ import annotations

import hashlib
from typing import Any

from django.db import connection

from plant.models import IdempotentRequest


class KeyReused(ValueError):
    """The key was used before for another body."""


def _digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def answer_kept(*, caller: str, key: str, route: str, body: bytes) -> IdempotentRequest | None:
    """The first answer under this key, or None. Call in the write's transaction, which holds the key."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 7))", [f"{caller} {key}"])
    kept = IdempotentRequest.objects.filter(caller=caller, key=key).first()
    if kept is not None and (kept.digest != _digest(body) or kept.route != route[:120]):
        raise KeyReused(f"Idempotency-Key {key!r} was used before for another request ({kept.route})")
    return kept


def answer_keep(*, caller: str, key: str, route: str, body: bytes, status: int, answer: Any) -> None:
    IdempotentRequest.objects.create(
        caller=caller, key=key, route=route[:120], digest=_digest(body), status=status, answer=answer
    )

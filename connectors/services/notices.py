"""Putting on record what connectors noticed."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from connectors.domain.columns import instant
from connectors.domain.notices import KINDS, Notice
from connectors.models.notice import SourceNotice


def notices_append(*, connection_id: int, notices: Iterable[Notice], now: datetime) -> None:
    """What a newer runner says and this version does not know is left out."""
    SourceNotice.objects.bulk_create(
        SourceNotice(
            connection_id=connection_id,
            scope=notice.scope[:400],
            kind=notice.kind,
            at=instant(notice.at),
            session=notice.session,
            seq=notice.seq,
            detail=notice.detail[:300],
            recorded_at=now,
        )
        for notice in notices
        if notice.kind in KINDS
    )

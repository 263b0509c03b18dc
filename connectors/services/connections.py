"""Writing connections and their signals, checked before anything is saved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction

from connectors.domain.phrase import Phrase, late, phrase
from connectors.domain.state_map import table_problems
from connectors.interface import ConfigurationError, Identity
from connectors.models import Connection, SignalDefinition
from connectors.registry import connector_class
from plant import audit
from plant.access import Actor, Placed


@transaction.atomic
def connection_save(
    *,
    slug: str,
    protocol: str,
    config: Mapping[str, Any],
    site_id: int,
    site: Placed | str,
    by: Actor,
    name_en: str = "",
    name_fr: str = "",
    state_map: Mapping[str, str] | None = None,
    enabled: bool = True,
) -> Connection:
    """Create or change a connection. Raises ConfigurationError when it could not work as written."""
    by.require("connection.edit", site)
    settings_check(protocol=protocol, config=config)
    _table_check(phrase(late("state map")), state_map or {})
    values = {
        "protocol": protocol,
        "config": dict(config),
        "site_id": site_id,
        "name_en": name_en,
        "name_fr": name_fr,
        "state_map": dict(state_map or {}),
        "enabled": enabled,
    }
    before = Connection.objects.filter(slug=slug).values(*values).first()
    connection, created = Connection.objects.update_or_create(slug=slug, defaults=values)
    audit.record(
        by=by,
        action="connection.create" if created else "connection.update",
        subject_type="connection",
        subject_code=slug,
        before=before,
        after=values,
    )
    if before is None or before["config"] != values["config"]:
        exception_record(protocol=protocol, config=config, slug=slug, by=by)
    connection.refresh_from_db()
    return connection


def settings_check(*, protocol: str, config: Mapping[str, Any]) -> None:
    """Raises ConfigurationError when a connector could not work with these settings."""
    cls = connector_class(protocol)
    cls(cls.config_class.from_mapping(config))


def identity_of(*, connection: Connection) -> Identity | None:
    """Our own certificate on this host, where the protocol has one; made at the first call.

    Raises ConfigurationError.
    """
    cls = connector_class(connection.protocol)
    identity = getattr(cls, "identity", None)
    if identity is None:
        return None
    found: Identity | None = identity(cls.config_class.from_mapping(connection.config))
    return found


def exception_record(*, protocol: str, config: Mapping[str, Any], slug: str, by: Actor) -> None:
    """A protection that was given up (no encryption beyond this machine) leaves an entry of its own."""
    cls = connector_class(protocol)
    exception = getattr(cls, "exception", None)
    why = exception(cls.config_class.from_mapping(config)) if exception else ""
    if why:
        audit.record(
            by=by,
            action="connection.insecure",
            subject_type="connection",
            subject_code=slug,
            why=why,
            after={"endpoint": config.get("endpoint"), "security": config.get("security")},
        )


@transaction.atomic
def signals_save(
    *, connection: Connection, signals: Sequence[Mapping[str, Any]], site: Placed | str, by: Actor
) -> list[SignalDefinition]:
    """Create or change signals by address; each mapping holds ``address`` and fields of SignalDefinition."""
    by.require("connection.edit", site)
    saved = []
    for item in signals:
        fields = dict(item)
        where = phrase(late("%(address)s: state map"), address=fields["address"])
        _table_check(where, fields.get("state_map") or {})
        saved.append(
            SignalDefinition.objects.update_or_create(
                connection=connection, address=fields.pop("address"), defaults=fields
            )[0]
        )
    audit.record(
        by=by,
        action="signal.save",
        subject_type="connection",
        subject_code=connection.slug,
        after=[signal.address for signal in saved],
    )
    return saved


def _table_check(where: Phrase, table: Mapping[str, str]) -> None:
    """Raises ConfigurationError naming the first state that is none."""
    problems = table_problems(table)
    if problems:
        raise ConfigurationError(late("%(where)s: %(problem)s"), where=where, problem=problems[0])

"""Sending job orders to machines. What was sent, and what the machine said, goes on record either way."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from connectors.domain.job_control import METHODS, Job, errors_of
from connectors.domain.phrase import Phrase, late, phrase
from connectors.interface import ConfigurationError, Unavailable
from connectors.models import Connection
from connectors.registry import connector_class
from connectors.transports.deadline import bounded
from plant import audit
from plant.access import Actor

WITHIN: Final = 30.0


class UnknownVerb(ValueError):
    """A machine has no such command."""

    is_bad_input = True


def job_send(*, connection: Connection, verb: str, job: Job, by: Actor, why: str = "") -> list[Phrase]:
    """What the machine refused, or why it could not be asked; nothing when it took the order.

    The caller has checked that ``by`` may. Raises UnknownVerb. Takes up to WITHIN seconds: never call it
    inside a transaction.
    """
    if verb not in METHODS:
        raise UnknownVerb(f"verb: read {verb!r}, expected one of {', '.join(METHODS)}")
    status: int | None = None
    try:
        status = asyncio.run(bounded(_command(connection, verb, job, why), WITHIN))
        problems = errors_of(status)
    except (ConfigurationError, Unavailable) as error:
        problems = [error.phrase]
    except TimeoutError:
        text = late("no answer within %(seconds)s s; look at the machine before you send again")
        problems = [phrase(text, seconds=f"{WITHIN:g}")]
    audit.record(
        by=by,
        action=f"job.{verb}",
        subject_type="job_order",
        subject_code=job.code,
        why=why,
        after={
            "connection": connection.slug,
            "status": status,
            "problems": [str(problem) for problem in problems],
            "quantity": None if job.quantity is None else str(job.quantity),
        },
    )
    return problems


async def _command(connection: Connection, verb: str, job: Job, why: str) -> int:
    cls: Any = connector_class(connection.protocol)
    if not hasattr(cls, "job_command"):
        raise ConfigurationError(late("this protocol sends no job orders"))
    config = cls.config_class.from_mapping(connection.config)
    status: int = await cls.job_command(config, verb, job, why)
    return status

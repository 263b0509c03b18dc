"""What the environment can say when one machine is not enough, as a process understands it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

from tests.connectors.stack import ROOT

TOLD = """
import json
from mom.celery import app
from django.conf import settings
from django.db import connections
app.loader.import_default_modules()
app.amqp.queues.select(["ingest", "stitch", "default"])
connection, database = app.connection(), connections["default"].settings_dict
print(json.dumps({
    "transport": connection.transport_cls,
    "options": connection.transport_options,
    "queues": {name: queue.queue_arguments for name, queue in app.amqp.queues.consume_from.items()},
    "database": {name: database[name] for name in ("CONN_MAX_AGE", "DISABLE_SERVER_SIDE_CURSORS")},
    "cache": settings.CACHES["default"]["LOCATION"],
}))
"""


def understood(**said: str) -> dict[str, Any]:
    environment = {
        **os.environ,
        "REDIS_URL": "redis://redis.test:6379/0",
        "SECRET_KEY": "only for tests",
        **said,
    }
    command = [sys.executable, "-c", TOLD]
    told = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True, timeout=120
    )
    found: dict[str, Any] = json.loads(told.stdout.splitlines()[-1])
    return found


def test_tasks_through_rabbitmq_wait_in_quorum_queues_and_all_else_stays_in_redis() -> None:
    told = understood(
        CELERY_BROKER_URL="amqp://mom:secret@rabbit.test/mom", DATABASE_POOLED="1", DATABASE_CONN_MAX_AGE="0"
    )
    assert told["transport"] == "amqp"
    assert told["options"]["confirm_publish"] is True
    assert "visibility_timeout" not in told["options"]
    assert told["queues"] == {name: {"x-queue-type": "quorum"} for name in ("ingest", "stitch", "default")}
    assert told["cache"] == "redis://redis.test:6379/0"
    assert told["database"] == {"CONN_MAX_AGE": 0, "DISABLE_SERVER_SIDE_CURSORS": True}

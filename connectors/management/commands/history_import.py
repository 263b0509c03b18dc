from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from connectors import selectors, services
from connectors.interface import ConfigurationError, Unavailable
from connectors.models import Connection
from connectors.registry import connector_class

WIDTH = 30


class Command(BaseCommand):
    help = "Import months of history from a CSV or Parquet file. Called again, it goes on where it stopped."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="a .csv or .parquet file")
        parser.add_argument("--connection", required=True, help="code of the connection with its addresses")
        parser.add_argument("--mapping", type=Path, help="TOML file: columns, time zone, names")

    def handle(self, *args: Any, **options: Any) -> None:
        path, mapping = options["file"].resolve(), options["mapping"]
        try:
            settings = tomllib.loads(mapping.read_text()) if mapping else {}
            connection = selectors.connection_by_slug(options["connection"])
            cls = connector_class("files")
            source: Any = cls(cls.config_class.from_mapping({**settings, "path": str(path)}))
            total: int = source.rows_in_all()
            key = services.import_key(connection=connection.slug, path=path, settings=settings)
            done = None
            found = services.history_import(
                connection=connection.slug, source=source, key=key, file=path.name, total=total
            )
            for done in found:
                self._show(done.rows, total, done.stored)
        except Connection.DoesNotExist:
            known = ", ".join(Connection.objects.values_list("slug", flat=True)) or "none"
            raise CommandError(f"no connection {options['connection']!r}; known: {known}") from None
        except (ConfigurationError, Unavailable, OSError, tomllib.TOMLDecodeError) as error:
            raise CommandError(str(error)) from error
        self.stderr.write("")
        if done is None:
            self.stdout.write("nothing to import: this file is empty, or was imported before")
            return
        self.stdout.write(
            f"{done.rows} rows read: {done.stored} values stored, {done.deduplicated} there already, "
            f"{done.quarantined} set aside (see the unreadable messages of {connection.slug})"
        )

    def _show(self, rows: int, total: int, stored: int) -> None:
        share = min(rows / total, 1.0) if total else 0.0
        bar = "#" * round(share * WIDTH)
        self.stderr.write(f"\r[{bar:<{WIDTH}}] {share:4.0%}  {rows} rows, {stored} stored", ending="")
        self.stderr.flush()

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from connectors.interface import ConfigurationError
from connectors.protocols.opcua import trust


class Command(BaseCommand):
    help = "Show this host's OPC UA certificate, which servers must trust; made if there is none yet."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            identity = trust.own(trust.pki())
        except ConfigurationError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"certificate  {identity.certificate}")
        self.stdout.write(f"thumbprint   {identity.thumbprint}")
        self.stdout.write(f"valid until  {identity.valid_until:%Y-%m-%d}")
        self.stdout.write(f"trusted      {identity.trusted}")
        self.stdout.write(f"rejected     {identity.rejected}")

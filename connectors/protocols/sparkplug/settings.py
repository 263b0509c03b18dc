"""What an engineer says of a Sparkplug connection."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from connectors.domain.phrase import late
from connectors.interface import ConfigurationError, ConnectorConfig, option
from connectors.transports.mqtt_broker import Broker, refuse_password

VERSIONS: Final = {"": 4, "3.1.1": 4, "5": 5}


@dataclass(frozen=True, kw_only=True)
class SparkplugConfig(ConnectorConfig):
    broker: str = option(label=late("Broker"), help=late("mqtt://host:port, or mqtts:// with TLS"))
    host_id: str = option(
        label=late("Host id"), help=late("Unique name of this host application; edges wait for its STATE")
    )
    further_brokers: tuple[str, ...] = option(
        (),
        label=late("Further brokers"),
        help=late("Others that edges may change to; the host is on all of them at once"),
    )
    group: str = option("+", label=late("Group"), help=late("Sparkplug group to follow; + = all"))
    primary: bool = option(
        True, label=late("Primary host"), help=late("Publish STATE, so that edges store while we are away")
    )
    reorder_seconds: float = option(
        2.0, label=late("Reorder time"), help=late("Seconds to wait for a missing sequence number")
    )
    cooldown_seconds: float = option(
        30.0, label=late("Rebirth cool-down"), help=late("Seconds between two rebirth requests")
    )
    rebirth_on_unknown: bool = option(
        True, label=late("Rebirth on unknown"), help=late("Ask for births on unknown metrics")
    )
    properties: tuple[str, ...] = option(
        (),
        label=late("Properties"),
        help=late("Properties of metrics to keep as values of their own, such as engUnit; * = all"),
    )
    version: str = option("3.1.1", label=late("MQTT version"), help=late("3.1.1 or 5"))
    username: str = option("", label=late("User name"), help=late("Leave empty for none"))
    password_env: str = option(
        "", label=late("Password variable"), help=late("Environment variable that holds the password")
    )
    ca_file: str = option(
        "", label=late("CA file"), help=late("Certificates to trust with mqtts; empty = the system's")
    )

    @property
    def brokers(self) -> tuple[str, ...]:
        return (self.broker, *self.further_brokers)

    @property
    def state_topic(self) -> str:
        return f"spBv1.0/STATE/{self.host_id}"

    @property
    def node_paths(self) -> set[str]:
        """The nodes our signals are of: ``group/node``."""
        said = (address.partition(":")[0].split("/") for address in self.addresses)
        return {"/".join(parts[:2]) for parts in said if len(parts) >= 2}

    def broker_of(self, url: str) -> Broker:
        return Broker.parse(url, username=self.username, password_env=self.password_env, ca_file=self.ca_file)


def check(config: SparkplugConfig) -> None:
    """Raises ConfigurationError."""
    for name, value in (("host_id", config.host_id), ("group", config.group)):
        if not value or (value != "+" and set(value) & set("+/#")) or (name == "host_id" and value == "+"):
            text = late("%(name)s: read %(read)r, expected a name without +, / and #")
            raise ConfigurationError(text, name=name, read=value)
    for url in config.brokers:
        refuse_password(url)
    if len(set(config.brokers)) < len(config.brokers):
        raise ConfigurationError(late("further_brokers: a broker is named twice"))
    if config.version not in VERSIONS:
        raise ConfigurationError(late("version: read %(read)r, expected 3.1.1 or 5"), read=config.version)

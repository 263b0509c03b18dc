"""What an engineer says of an OPC UA server, and what of it cannot be."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from connectors.domain.phrase import late
from connectors.interface import ConfigurationError, ConnectorConfig, option
from connectors.protocols.opcua.derived import node_of
from connectors.protocols.opcua.trust import is_loopback
from connectors.protocols.opcua.values import BadAddress, node_id

ENCRYPTED, NONE = "sign_and_encrypt", "none"


@dataclass(frozen=True, kw_only=True)
class OpcUaConfig(ConnectorConfig):
    endpoint: str = option(label=late("Endpoint"), help=late("opc.tcp://host:port/path"))
    security: str = option(
        ENCRYPTED,
        label=late("Security"),
        help=late("Without encryption anybody on the network can read and change values"),
        choices=((ENCRYPTED, late("signed and encrypted")), (NONE, late("none"))),
    )
    accept_insecure: bool = option(
        False,
        label=late("Accept no encryption"),
        help=late("Needed for security none beyond this machine; it is put on record"),
    )
    insecure_reason: str = option(
        "", label=late("Why no encryption"), help=late("Such as: the controller offers none")
    )
    certificate: str = option(
        "",
        label=late("Certificate"),
        help=late("File of our certificate (DER or PEM); empty = the one made for this host"),
    )
    private_key: str = option("", label=late("Private key"), help=late("File of our private key"))
    server_certificate: str = option(
        "",
        label=late("Server certificate"),
        help=late("File of the one certificate to trust; empty = those in the folder of trusted ones"),
    )
    username: str = option("", label=late("User name"), help=late("Leave empty for anonymous"))
    password_env: str = option(
        "", label=late("Password variable"), help=late("Environment variable that holds the password")
    )
    password_file: str = option("", label=late("Password file"), help=late("File that holds the password"))
    publishing_ms: float = option(
        250.0, label=late("Publishing interval"), help=late("Milliseconds between notifications")
    )
    sampling_ms: float = option(
        100.0, label=late("Sampling interval"), help=late("Milliseconds between two looks at a value")
    )
    tolerated_outage_seconds: float = option(
        60.0,
        label=late("Tolerated outage"),
        help=late("The server is asked to queue this many seconds of every value"),
    )
    freshness_seconds: float = option(
        30.0,
        label=late("Freshness"),
        help=late("Reconnect when not even the server's clock moved for so long"),
    )
    history: bool = option(
        True, label=late("Read history"), help=late("Fill outages from the server's history where it has one")
    )
    job_receiver: str = option(
        "",
        label=late("Job order receiver"),
        help=late("Address of the object that takes job orders (OPC 10031-4); empty = none are sent"),
    )

    @property
    def host(self) -> str:
        return urlsplit(self.endpoint).hostname or ""

    @property
    def exposed(self) -> bool:
        """Whether values cross a network without protection."""
        return self.security == NONE and not is_loopback(self.host)


def password(config: OpcUaConfig) -> str:
    """From the environment or a file, never from the settings. Raises ConfigurationError."""
    if config.password_env:
        if config.password_env not in os.environ:
            text = late("password_env: the variable %(name)s is not set")
            raise ConfigurationError(text, name=config.password_env)
        return os.environ[config.password_env]
    if config.password_file:
        try:
            return Path(config.password_file).read_text().rstrip("\r\n")
        except (OSError, ValueError) as error:
            text = late("password_file: %(why)s")
            raise ConfigurationError(text, why=str(error)) from error
    return ""


def check(config: OpcUaConfig) -> None:
    """Raises ConfigurationError."""
    try:
        usable = config.endpoint.startswith("opc.tcp://") and urlsplit(config.endpoint).port != 0
    except ValueError:
        usable = False
    if not usable or not config.host or "@" in config.endpoint:
        text = late("endpoint: read %(read)r, expected opc.tcp://host:port")
        raise ConfigurationError(text, read=config.endpoint.rpartition("@")[2])
    _check_security(config)
    for name in ("publishing_ms", "sampling_ms", "tolerated_outage_seconds", "freshness_seconds"):
        value = getattr(config, name)
        if not 0 < value < 1e9:
            text = late("%(name)s: read %(read)r, expected more than 0")
            raise ConfigurationError(text, name=name, read=value)
    password(config)
    for address in (*config.addresses, *filter(None, [config.job_receiver])):
        try:
            node_id(node_of(address), [])
        except BadAddress as error:
            raise ConfigurationError("%(problem)s", problem=error) from error


def _check_security(config: OpcUaConfig) -> None:
    if config.security not in {NONE, ENCRYPTED}:
        text = late("security: read %(read)r, expected sign_and_encrypt or none")
        raise ConfigurationError(text, read=config.security)
    if config.exposed and not (config.accept_insecure and config.insecure_reason.strip()):
        text = late(
            "security: none is only for this machine itself, and %(host)s is another: anybody on the way"
            " could read and change values. Set accept_insecure and say why in insecure_reason, or use"
            " sign_and_encrypt"
        )
        raise ConfigurationError(text, host=config.host)
    if bool(config.certificate) != bool(config.private_key):
        raise ConfigurationError(late("certificate and private_key: expected both files or neither"))

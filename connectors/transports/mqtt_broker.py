"""Where an MQTT broker is, and who we are to it."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from connectors.domain.phrase import late
from connectors.interface import ConfigurationError

_PORTS = {"mqtt": 1883, "mqtts": 8883}


def refuse_password(url: str) -> None:
    """Settings are shown, exported and put on record. Raises ConfigurationError when they hold a secret."""
    try:
        secret = not url.startswith("$") and urlsplit(url).password
    except ValueError:
        return
    if secret:
        text = late(
            "broker: a password is not kept in the settings; write $NAME, the variable that holds the whole"
            " URL, or use username and password_env"
        )
        raise ConfigurationError(text)


@dataclass(frozen=True, kw_only=True)
class Broker:
    host: str
    port: int
    tls: bool = False
    username: str = ""
    password: str = field(default="", repr=False)
    ca_file: str = ""

    @classmethod
    def parse(cls, url: str, *, username: str = "", password_env: str = "", ca_file: str = "") -> Broker:
        """``mqtt://[user@]host[:port]`` or ``mqtts://``, or ``$NAME``, the variable holding it, then with its
        password.
        """
        refuse_password(url)
        if url.startswith("$"):
            name, url = url[1:], os.environ.get(url[1:], "")
            if not url:
                raise ConfigurationError(late("broker: the variable %(name)s is not set"), name=name)
        parts = urlsplit(url)
        if parts.scheme not in _PORTS or not parts.hostname:
            text = late("broker: read %(read)r, expected mqtt://host:port or mqtts://host:port")
            raise ConfigurationError(text, read=url.rpartition("@")[2])
        try:
            port = parts.port or _PORTS[parts.scheme]
        except ValueError:
            text = late("broker: the port of %(read)r is not a number from 1 to 65535")
            raise ConfigurationError(text, read=url.rpartition("@")[2]) from None
        if password_env and password_env not in os.environ:
            text = late("password_env: the variable %(name)s is not set")
            raise ConfigurationError(text, name=password_env)
        return cls(
            host=parts.hostname,
            port=port,
            tls=parts.scheme == "mqtts",
            username=username or unquote(parts.username or ""),
            password=os.environ[password_env] if password_env else unquote(parts.password or ""),
            ca_file=ca_file,
        )

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"

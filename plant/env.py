"""Typed readers of environment variables: an odd value is refused at start, never guessed at."""

from __future__ import annotations

import os
from urllib.parse import unquote, urlsplit


class ConfigurationError(ValueError):
    """A variable holds something unexpected; says which, what was read and what was expected."""


def text(name: str, default: str = "") -> str:
    return os.environ.get(name, default).strip()


def flag(name: str, default: bool = False) -> bool:
    raw = text(name)
    if not raw:
        return default
    if raw.lower() in {"1", "true", "yes", "on"}:
        return True
    if raw.lower() in {"0", "false", "no", "off"}:
        return False
    raise ConfigurationError(f"{name}: read {raw!r}, expected one of 1, true, yes, on, 0, false, no, off")


def integer(name: str, default: int, *, minimum: int | None = None) -> int:
    raw = text(name)
    if not raw:
        return default
    try:
        value = int(raw)
    except ValueError:
        raise ConfigurationError(f"{name}: read {raw!r}, expected a whole number") from None
    if minimum is not None and value < minimum:
        raise ConfigurationError(f"{name}: read {value}, expected at least {minimum}")
    return value


def months(name: str, default: str, *, allowed: frozenset[str]) -> dict[str, int]:
    """Pairs such as ``process_value=25, setpoint=60``; 0 = without end, the same as not named."""
    found: dict[str, int] = {}
    for pair in words(name, default):
        key, _, number = pair.partition("=")
        key, number = key.strip(), number.strip()
        if key not in allowed or not number.isdecimal():
            known = ", ".join(sorted(allowed))
            raise ConfigurationError(f"{name}: read {pair!r}, expected name=months with one of: {known}")
        if int(number):
            found[key] = int(number)
    return found


def words(name: str, default: str = "") -> list[str]:
    return [word.strip() for word in text(name, default).split(",") if word.strip()]


def database(name: str, default: str) -> dict[str, object]:
    """A Django database entry from ``postgres://user:password@host:port/name`` (socket: ``?host=``)."""
    url = urlsplit(text(name, default))
    if url.scheme not in {"postgres", "postgresql"}:
        raise ConfigurationError(
            f"{name}: read scheme {url.scheme!r}, expected postgres://user:password@host:port/name"
        )
    query = dict(pair.split("=", 1) for pair in url.query.split("&") if "=" in pair)
    host = unquote(query.pop("host", "")) or url.hostname or ""
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(url.path.lstrip("/")),
        "USER": unquote(url.username or ""),
        "PASSWORD": unquote(url.password or ""),
        "HOST": host,
        "PORT": str(url.port or query.pop("port", "") or ""),
        "OPTIONS": {key: unquote(value) for key, value in query.items()},
    }

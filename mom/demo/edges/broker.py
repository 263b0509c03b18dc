"""Connecting an edge to the broker the installation uses."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

import paho.mqtt.client as mqtt

PORTS = {"mqtt": 1883, "mqtts": 8883}


def broker_connect(client: mqtt.Client, url: str) -> None:
    """Begin to connect to ``mqtt://[user:password@]host[:port]``; its thread goes on trying."""
    parts = urlsplit(url)
    if parts.scheme not in PORTS or not parts.hostname:
        raise ValueError(f"MQTT_URL: read scheme {parts.scheme!r}, expected mqtt://host:port or mqtts://…")
    if parts.username:
        client.username_pw_set(unquote(parts.username), unquote(parts.password or ""))
    if parts.scheme == "mqtts":
        client.tls_set()
    client.connect_async(parts.hostname, parts.port or PORTS[parts.scheme], keepalive=20)

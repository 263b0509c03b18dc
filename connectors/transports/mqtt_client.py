"""One MQTT connection: paho's network thread only enqueues, the event loop does everything else.

A new client object per attempt: paho's own reconnect would reuse the will of the first CONNECT, and hide
the loss.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import ssl
import struct
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from connectors.domain.phrase import late
from connectors.interface import ConfigurationError, Unavailable

MAX_WAITING = 200_000
READ_AHEAD = 65_536
_PUBACK = struct.Struct("!BBH")
_PORTS = {"mqtt": 1883, "mqtts": 8883}


class Received(NamedTuple):
    """``arrival``: microseconds since 1970 UTC, taken in the network thread."""

    topic: str
    payload: bytes
    qos: int
    mid: int
    dup: bool
    retain: bool
    arrival: int


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


@dataclass(frozen=True, kw_only=True)
class Will:
    topic: str
    payload: bytes
    qos: int = 1
    retain: bool = True


class _Client(paho.Client):
    """Reads as much as there is at once. paho asks the system three times a message, and each time the thread
    lets another go on: behind a busy event loop that costs more than all the rest.
    """

    _ahead = b""
    _read = 0

    def _sock_recv(self, bufsize: int) -> bytes:
        if self._read >= len(self._ahead):
            self._ahead, self._read = super()._sock_recv(max(bufsize, READ_AHEAD)), 0
        taken = self._ahead[self._read : self._read + bufsize]
        self._read += bufsize
        return taken

    def loop_read(self, max_packets: int = 1) -> paho.MQTTErrorCode:
        code = super().loop_read(max_packets)
        # The system does not tell of what was read ahead
        while code == paho.MQTT_ERR_SUCCESS and self._read < len(self._ahead):
            code = super().loop_read(max_packets)
        return code

    def acknowledge(self, mids: list[int]) -> None:
        """PUBACKs of QoS 1 in one piece: one wake-up and one write for all."""
        if mids:
            packets = b"".join(_PUBACK.pack(paho.PUBACK, 2, mid) for mid in mids)
            self._packet_queue(paho.PUBACK, packets, mids[-1], 1)


class MqttSession:
    """From CONNECT to loss.

    ``open`` raises Unavailable; so does ``receive`` once the connection or its thread died.
    """

    def __init__(
        self,
        broker: Broker,
        *,
        client_id: str,
        clean: bool,
        version: int = 4,
        keepalive: int = 15,
        will: Will | None = None,
        receive_maximum: int = 1000,
        session_expiry: int = 7 * 86_400,
    ) -> None:
        self._broker = broker
        self._clean = clean
        self._v5 = version == 5
        self._keepalive = keepalive
        self._receive_maximum = receive_maximum
        self._session_expiry = session_expiry
        self._waiting: deque[Received] = deque()
        self._sleeping = False
        self._failure = ""
        self._connected: asyncio.Future[bool] | None = None
        self._subscribed: dict[int, asyncio.Future[None]] = {}
        self._early_subacks: set[int] = set()
        self._thread: threading.Thread | None = None
        self.overflowed = 0
        self._client = self._build(client_id, will)

    def _build(self, client_id: str, will: Will | None) -> _Client:
        client = _Client(
            CallbackAPIVersion.VERSION2,
            client_id=client_id,
            clean_session=None if self._v5 else self._clean,
            protocol=MQTTProtocolVersion.MQTTv5 if self._v5 else MQTTProtocolVersion.MQTTv311,
            manual_ack=True,
            reconnect_on_failure=False,
        )
        if self._broker.username:
            client.username_pw_set(self._broker.username, self._broker.password)
        if self._broker.tls:
            client.tls_set_context(ssl.create_default_context(cafile=self._broker.ca_file or None))
        if will is not None:
            client.will_set(will.topic, will.payload, qos=will.qos, retain=will.retain)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        client.on_subscribe = self._on_subscribe
        return client

    # -- the event loop's side -------------------------------------------------------------------------------

    async def open(self, timeout: float = 10.0) -> bool:
        """Connects; True when the broker still holds the session (its queue survived the outage)."""
        self._loop = asyncio.get_running_loop()
        self._wakeup = asyncio.Event()
        self._connected = self._loop.create_future()
        try:
            async with asyncio.timeout(timeout):
                await asyncio.to_thread(self._connect)
                self._thread = threading.Thread(target=self._run, name=f"mqtt {self._broker}", daemon=True)
                self._thread.start()
                return await self._connected
        except TimeoutError:
            await self.close()
            text = late("broker %(broker)s: no answer within %(seconds)d s")
            raise Unavailable(text, broker=self._broker, seconds=timeout) from None
        except OSError as error:
            raise Unavailable(
                late("broker %(broker)s: %(why)s"), broker=self._broker, why=str(error)
            ) from error

    def _connect(self) -> None:
        if not self._v5:
            self._client.connect(self._broker.host, self._broker.port, self._keepalive)
            return
        properties = Properties(PacketTypes.CONNECT)
        properties.ReceiveMaximum = self._receive_maximum
        properties.SessionExpiryInterval = 0 if self._clean else self._session_expiry
        self._client.connect(
            self._broker.host,
            self._broker.port,
            self._keepalive,
            clean_start=self._clean,
            properties=properties,
        )

    async def subscribe(self, topics: list[tuple[str, int]], timeout: float = 10.0) -> None:
        code, mid = self._client.subscribe(topics)
        if code != paho.MQTT_ERR_SUCCESS or mid is None:
            raise Unavailable(f"broker {self._broker}: cannot subscribe ({paho.error_string(code)})")
        future = self._subscribed.setdefault(mid, self._loop.create_future())
        if mid in self._early_subacks:
            return
        try:
            async with asyncio.timeout(timeout):
                await future
        except TimeoutError:
            raise Unavailable(f"broker {self._broker}: subscription not confirmed") from None

    async def receive(self, *, limit: int, timeout: float) -> list[Received]:
        """What waits, in arrival order, at most ``limit``; empty after ``timeout`` seconds of silence."""
        if not self._waiting:
            self._check()
            self._wakeup.clear()
            self._sleeping = True
            if not self._waiting:
                # Not wait_for: in Python 3.11 it can swallow a cancellation that meets a wake-up
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(timeout):
                        await self._wakeup.wait()
            self._sleeping = False
            if not self._waiting:
                self._check()
        take = min(limit, len(self._waiting))
        return [self._waiting.popleft() for _ in range(take)]

    def acknowledge(self, messages: list[tuple[int, int]]) -> None:
        """PUBACK (mid, qos), in the order given. On a lost connection the broker will send them again."""
        self._client.acknowledge([mid for mid, qos in messages if qos == 1])

    def publish(
        self, topic: str, payload: bytes, *, qos: int = 0, retain: bool = False
    ) -> paho.MQTTMessageInfo:
        return self._client.publish(topic, payload, qos=qos, retain=retain)

    @property
    def connected(self) -> bool:
        return self._client.is_connected() and not self._failure

    async def close(self) -> None:
        """What was published before is sent first, then DISCONNECT."""
        self._client.disconnect()
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join, 5.0)

    def _check(self) -> None:
        if self._failure:
            raise Unavailable(f"broker {self._broker}: {self._failure}")
        if self._thread is not None and not self._thread.is_alive():
            raise Unavailable(f"broker {self._broker}: the network thread died")

    # -- the network thread's side: must not raise, must not block -------------------------------------------

    def _run(self) -> None:
        try:
            code = self._client.loop_forever(retry_first_connection=False)
            self._fail(f"connection lost ({paho.error_string(code)})")
        except BaseException as error:  # whatever it is, the stream must end rather than fall silent
            self._fail(f"network thread: {type(error).__name__}: {error}")

    def _on_message(self, client: Any, userdata: Any, message: paho.MQTTMessage) -> None:
        try:
            if len(self._waiting) >= MAX_WAITING:
                # QoS 1 stays unacknowledged and comes again; QoS 0 is lost and counted
                self.overflowed += 1
                if message.qos:
                    self._fail("more messages than can be held")
                return
            topic = message._topic.decode("utf-8", "replace")
            now = time.time_ns() // 1000
            self._waiting.append(
                Received(
                    topic, bytes(message.payload), message.qos, message.mid, message.dup, message.retain, now
                )
            )
            if self._sleeping:
                self._sleeping = False
                self._loop.call_soon_threadsafe(self._wakeup.set)
        except BaseException as error:  # paho would let its thread die in silence (#365, #704)
            self._fail(f"receiving: {type(error).__name__}: {error}")

    def _on_connect(self, client: Any, userdata: Any, flags: Any, reason: Any, properties: Any) -> None:
        if reason.is_failure:
            self._fail(f"refused the connection: {reason}")
        else:
            self._resolve(self._connected, bool(flags.session_present))

    def _on_disconnect(self, client: Any, userdata: Any, flags: Any, reason: Any, properties: Any) -> None:
        self._fail(f"connection lost ({reason})")

    def _on_subscribe(self, client: Any, userdata: Any, mid: int, reasons: Any, properties: Any) -> None:
        refused = [str(reason) for reason in reasons if reason.is_failure]
        if refused:
            self._fail(f"refused the subscription: {refused[0]}")
        self._early_subacks.add(mid)
        if mid in self._subscribed:
            self._resolve(self._subscribed[mid], None)

    def _fail(self, why: str) -> None:
        self._failure = self._failure or why
        error = Unavailable(f"broker {self._broker}: {self._failure}")
        try:
            self._loop.call_soon_threadsafe(self._wakeup.set)
            for future in (self._connected, *self._subscribed.values()):
                self._loop.call_soon_threadsafe(_reject, future, error)
        except RuntimeError:
            pass  # the event loop is closed: nobody is left to tell

    def _resolve(self, future: asyncio.Future[Any] | None, value: Any) -> None:
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(_settle, future, value)


def _settle(future: asyncio.Future[Any] | None, value: Any) -> None:
    if future is not None and not future.done():
        future.set_result(value)


def _reject(future: asyncio.Future[Any] | None, error: Exception) -> None:
    if future is not None and not future.done():
        future.set_exception(error)
        future.exception()  # read once, so that an unawaited one is not reported at exit

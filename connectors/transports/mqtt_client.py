"""One MQTT connection: paho's network thread only enqueues, the event loop does everything else.

A new client object per attempt: paho's own reconnect would reuse the will of the first CONNECT, and hide
the loss.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from connectors.domain.columns import instant
from connectors.domain.phrase import late
from connectors.interface import Unavailable
from connectors.transports.mqtt_broker import Broker
from connectors.transports.mqtt_waiting import ON_THE_WAY, Dropped, Received, Waiting

CONFIRMED_EVERY: Final = 1.0
READ_AHEAD = 65_536
_PUBACK = struct.Struct("!BBH")


@dataclass(frozen=True, kw_only=True)
class Will:
    topic: str
    payload: bytes
    qos: int = 1
    retain: bool = True


class _Client(paho.Client):
    """Reads as much as there is at once. paho asks the system three times a message, and each time the thread
    lets another go on: behind a busy event loop that costs more than all the rest.

    Only its network thread writes. paho lets whoever queues a packet write as well, unless the thread is its
    own (``loop_start``): two that write would share one packet's place in it, and with TLS one OpenSSL object
    while the other reads.
    """

    _ahead = b""
    _read = 0
    # Microseconds since 1970 UTC, of whatever came last, an answer to a PINGREQ included
    heard = 0
    asked = answered = 0

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self._asking = threading.Lock()
        self.ended = threading.Event()
        self.on_answer: Callable[[], None] = lambda: None
        self.on_end: Callable[[str], None] = lambda why: None

    def loop_forever(self, *args: Any, **settings: Any) -> paho.MQTTErrorCode:
        """What ``loop_start`` runs in its thread."""
        try:
            code = super().loop_forever(*args, **settings)
            self.on_end(f"connection lost ({paho.error_string(code)})")
            return code
        except BaseException as error:  # whatever it is, the stream must end rather than fall silent
            self.on_end(f"network thread: {type(error).__name__}: {error}")
            return paho.MQTT_ERR_UNKNOWN
        finally:
            self.ended.set()

    def _sock_recv(self, bufsize: int) -> bytes:
        if self._read >= len(self._ahead):
            self._ahead, self._read = super()._sock_recv(max(bufsize, READ_AHEAD)), 0
            if self._ahead:
                self.heard = time.time_ns() // 1000
        taken = self._ahead[self._read : self._read + bufsize]
        self._read += bufsize
        return taken

    def loop_read(self, max_packets: int = 1) -> paho.MQTTErrorCode:
        code = super().loop_read(max_packets)
        # The system does not tell of what was read ahead
        while code == paho.MQTT_ERR_SUCCESS and self._read < len(self._ahead):
            code = super().loop_read(max_packets)
        return code

    def _send_pingreq(self) -> paho.MQTTErrorCode:
        # Counted before it is queued: whoever then reads the count has queued his before the next
        with self._asking:
            self.asked += 1
        return super()._send_pingreq()

    def _handle_pingresp(self) -> paho.MQTTErrorCode:
        code = super()._handle_pingresp()
        self.answered += 1
        self.on_answer()
        return code

    def ask(self) -> None:
        """PINGREQ, unless one waits for its answer: what was sent before it has then been read."""
        if self.asked == self.answered and self.is_connected():
            self._send_pingreq()

    def acknowledge(self, mids: list[int]) -> None:
        """PUBACKs of QoS 1 in one piece: one wake-up and one write for all."""
        if mids:
            packets = b"".join(_PUBACK.pack(paho.PUBACK, 2, mid) for mid in mids)
            self._packet_queue(paho.PUBACK, packets, mids[-1], 1)

    def release(self) -> None:
        """Closes its sockets at once: the garbage collector may take its time."""
        self._reset_sockets()


class MqttSession:
    """From CONNECT to loss.

    ``open`` raises Unavailable; so does ``receive`` once the connection or its thread died. ``proven``: so
    many PINGREQs were answered, and all that came before the answer was taken.
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
        self._waiting = Waiting()
        self._sleeping = self._started = False
        self._failure = ""
        self._connected: asyncio.Future[bool] | None = None
        self._subscribed: dict[int, asyncio.Future[list[int]]] = {}
        self._early_subacks: dict[int, list[int]] = {}
        self._overrun_at: int | None = None
        self._began = 0
        self._asked_at = time.monotonic()
        self._unproven = False
        self._answer: tuple[int, int] | None = None
        self.proven = 0
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
        client.on_answer = self._on_answer
        client.on_end = self._fail
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
                self._client.loop_start()
                self._started = True
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

    async def subscribe(self, topics: list[tuple[str, int]], timeout: float = 10.0) -> list[int]:
        """The QoS the broker grants each: it may be less than was asked for."""
        code, mid = self._client.subscribe(topics)
        if code != paho.MQTT_ERR_SUCCESS or mid is None:
            raise Unavailable(f"broker {self._broker}: cannot subscribe ({paho.error_string(code)})")
        future = self._subscribed.setdefault(mid, self._loop.create_future())
        if mid in self._early_subacks:
            return self._early_subacks[mid]
        try:
            async with asyncio.timeout(timeout):
                return await future
        except TimeoutError:
            raise Unavailable(f"broker {self._broker}: subscription not confirmed") from None

    def unsubscribe(self, topics: list[str]) -> None:
        self._client.unsubscribe(topics)

    async def receive(self, *, limit: int, timeout: float) -> list[Received]:
        """What waits, in arrival order, at most ``limit``; empty after ``timeout`` seconds of silence.

        Asked for again, what it returned before has been dealt with.
        """
        self._prove()
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
        return self._waiting.take(limit)

    def _prove(self) -> None:
        """A PINGREQ now and then: while nothing comes, so that a dead link is noticed and the last sign of
        life is never old; after PUBACKs, because the answer tells that the broker has read them.
        """
        answer = self._answer
        if answer is not None and self._waiting.taken >= answer[1]:
            self.proven, self._answer = answer[0], None
        since = time.monotonic() - self._asked_at
        if since >= self._keepalive / 3 or (self._unproven and since >= CONFIRMED_EVERY):
            self._asked_at, self._unproven = time.monotonic(), False
            self._client.ask()

    @property
    def asked(self) -> int:
        """PINGREQs so far. A PUBACK sent before this was read is known to the broker once ``proven`` is
        higher.
        """
        return self._client.asked

    def lost_since(self, noticed: datetime) -> datetime:
        """From when on something may have been sent that never came, never before the session began.

        A half-open link is noticed up to two keepalives after it fell silent.
        """
        if not self._began:
            return noticed
        last = self._client.heard if self._overrun_at is None else self._overrun_at
        return min(noticed, instant(max(self._began, last - ON_THE_WAY)))

    def take_dropped(self) -> Dropped | None:
        return self._waiting.take_dropped()

    def acknowledge(self, messages: list[tuple[int, int]]) -> None:
        """PUBACK (mid, qos), in the order given. On a lost connection the broker will send them again."""
        self._client.acknowledge([mid for mid, qos in messages if qos == 1])
        self._unproven = self._unproven or bool(messages)

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
        try:
            if self._started:
                await asyncio.to_thread(self._client.ended.wait, 5.0)
        finally:
            self._client.release()

    def _check(self) -> None:
        if self._failure:
            raise Unavailable(f"broker {self._broker}: {self._failure}")

    # -- the network thread's side: must not raise, must not block -------------------------------------------

    def _on_message(self, client: Any, userdata: Any, message: paho.MQTTMessage) -> None:
        try:
            topic = message._topic.decode("utf-8", "replace")
            now = time.time_ns() // 1000
            received = Received(
                topic, bytes(message.payload), message.qos, message.mid, message.dup, message.retain, now
            )
            # After one that had no room nothing is taken: it is to come again in its place
            if self._overrun_at is not None or not self._waiting.put(received):
                self._drop(received)
                return
            if self._sleeping:
                self._sleeping = False
                self._loop.call_soon_threadsafe(self._wakeup.set)
        except BaseException as error:  # paho would let its thread die in silence (#365, #704)
            self._fail(f"receiving: {type(error).__name__}: {error}")

    def _drop(self, message: Received) -> None:
        """QoS 1 stays unacknowledged and comes again, on the next connection. QoS 0 is lost and counted; in a
        clean session, where what comes next builds on it, the session ends as well.
        """
        if message.qos == 0:
            self._waiting.drop(message)
        if (message.qos or self._clean) and self._overrun_at is None:
            self._overrun_at = message.arrival
            self._fail("more messages than can be held")

    def _on_answer(self) -> None:
        # The first that is not taken yet: later ones would never be, behind a queue that is never empty
        if self._answer is None:
            self._answer = (self._client.answered, self._waiting.came)

    def _on_connect(self, client: Any, userdata: Any, flags: Any, reason: Any, properties: Any) -> None:
        if reason.is_failure:
            self._fail(f"refused the connection: {reason}")
        else:
            self._began = time.time_ns() // 1000
            self._resolve(self._connected, bool(flags.session_present))

    def _on_disconnect(self, client: Any, userdata: Any, flags: Any, reason: Any, properties: Any) -> None:
        self._fail(f"connection lost ({reason})")

    def _on_subscribe(self, client: Any, userdata: Any, mid: int, reasons: Any, properties: Any) -> None:
        refused = [str(reason) for reason in reasons if reason.is_failure]
        if refused:
            self._fail(f"refused the subscription: {refused[0]}")
        granted = self._early_subacks[mid] = [int(reason.value) for reason in reasons]
        if mid in self._subscribed:
            self._resolve(self._subscribed[mid], granted)

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

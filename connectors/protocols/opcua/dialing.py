"""A channel to a server and a session on it, each time with a new asyncua client and a deadline around
everything: the same client can hang for ever when it connects again (#1660).
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from asyncua import Client, ua
from asyncua.ua.uaerrors import UaError

from connectors.domain.phrase import late
from connectors.interface import Unavailable
from connectors.protocols.opcua import secured
from connectors.protocols.opcua.values import aware
from connectors.transports.deadline import bounded

T = TypeVar("T")
REQUEST = 10.0
SESSION_SECONDS = 60.0
LIMITS = tuple(
    ua.NodeId(ua.Int32(number))
    for number in (
        ua.ObjectIds.Server_ServerCapabilities_OperationLimits_MaxMonitoredItemsPerCall,
        ua.ObjectIds.Server_ServerCapabilities_OperationLimits_MaxNodesPerRead,
    )
)
STARTED = ua.NodeId(ua.Int32(ua.ObjectIds.Server_ServerStatus_StartTime))


@dataclass(frozen=True, kw_only=True)
class Access:
    """How to reach and trust a server. ``security`` "none" must be said.

    Empty files: the certificate made for this host, the servers in its folder of trusted ones.
    """

    endpoint: str
    security: str
    certificate: str
    private_key: str
    server_certificate: str
    username: str
    password: str = field(repr=False)


@dataclass(frozen=True)
class Ticket:
    """What a new channel needs to take a session over."""

    token: ua.NodeId
    nonce: Any
    policies: list[Any]


async def channel(access: Access) -> Client:
    """An open channel, no session yet. Raises Unavailable or ConfigurationError."""
    client = Client(access.endpoint, timeout=REQUEST)
    client.session_timeout = round(SESSION_SECONDS * 1000)
    client.name = client.description = "Manufacturing operations"
    if access.username:
        client.set_user(access.username)
        client.set_password(access.password)
    if access.security == "none":
        await within(_open(client), "connect", 2 * REQUEST)
    else:
        await _open_secured(client, access)
    return client


async def _open(client: Client) -> None:
    await client.connect_socket()
    try:
        # Lost already, the hello would not be sent and its answer waited for all the same
        if client.uaclient.protocol is None or client.uaclient.protocol.transport is None:
            raise ConnectionError("closed as soon as it was open")
        await client.send_hello()
        await client.open_secure_channel()
    except BaseException:
        client.disconnect_socket()
        raise


async def _open_secured(client: Client, access: Access) -> None:
    """The server's certificate is believed before anything is said to it; asyncua then holds it to that
    certificate.
    """
    discovery = Client(access.endpoint, timeout=REQUEST)
    found = await within(discovery.connect_and_get_server_endpoints(), "endpoints", 2 * REQUEST)
    ours = await asyncio.to_thread(secured.credentials, access.certificate, access.private_key)
    policy, server = await asyncio.to_thread(
        secured.chosen, found, access.endpoint, access.server_certificate
    )
    client.application_uri = ours.application_uri
    await client.set_security(policy, ours.certificate, ours.private_key, server_certificate=server)
    try:
        await within(_open(client), "connect", 2 * REQUEST)
    except Unavailable as error:
        raise _refused(error, ours) from error


async def session(client: Client, access: Access) -> Ticket:
    """A new session on the channel. Raises Unavailable."""
    try:
        await within(client.create_session(), "session", 2 * REQUEST)
        return await _activate(client)
    except BaseException as error:
        client.disconnect_socket()
        if access.security == "none" or not isinstance(error, Unavailable):
            raise
        ours = await asyncio.to_thread(secured.credentials, access.certificate, access.private_key)
        raise _refused(error, ours) from error


def _refused(error: Unavailable, ours: secured.Credentials) -> Unavailable:
    return Unavailable(
        late("%(why)s. Does the server trust our certificate %(thumbprint)s, %(file)s?"),
        why=error,
        thumbprint=ours.thumbprint,
        file=ours.file,
    )


async def reactivate(client: Client, ticket: Ticket) -> Ticket | None:
    """The session of the ticket on this channel; None: the server refuses. Raises Unavailable."""
    client.uaclient.session.restore_authentication_token(ticket.token)
    client._server_nonce, client._policy_ids = ticket.nonce, ticket.policies
    try:
        return await _activate(client)
    except Unavailable as error:
        if not isinstance(error.__cause__, UaError):
            raise
        client.uaclient.session.reset_authentication_token()
        client._server_nonce = None
        return None


async def _activate(client: Client) -> Ticket:
    await within(client.activate_session(client._username, client._password), "activate")
    token = client.uaclient.session.authentication_token
    return Ticket(token, client._server_nonce, client._policy_ids)


async def running_since(client: Client) -> datetime | None:
    """Start of the server: sessions and subscriptions of an earlier one are gone, or a stranger's.

    None when it does not say.
    """
    try:
        (answer,) = await within(
            client.uaclient.session.read_attributes([STARTED], ua.AttributeIds.Value), "start time"
        )
    except Unavailable:
        return None
    value = answer.Value.Value if answer.Value is not None else None
    return aware(value) if isinstance(value, datetime) else None


async def transferred(client: Client, subscription: int, started: datetime | None) -> list[int] | None:
    """A subscription of another session to this one: the numbers the server still has; None when it refuses.

    Never of a server that started anew: a subscription of that number is somebody else's.
    """
    if await running_since(client) != started:
        return None
    parameters = ua.TransferSubscriptionsParameters(
        SubscriptionIds=[ua.IntegerId(subscription)], SendInitialValues=False
    )
    try:
        (result,) = await within(client.uaclient.session.transfer_subscriptions(parameters), "transfer")
    except Unavailable as error:
        if isinstance(error.__cause__, UaError):
            return None
        raise
    return list(result.AvailableSequenceNumbers or ()) if result.StatusCode.is_good() else None


async def most_per_call(client: Client) -> int:
    """Nodes of one request, as far as the server limits them (Part 5 §6.3.11); 0: it does not."""
    try:
        answers = await within(
            client.uaclient.session.read_attributes(list(LIMITS), ua.AttributeIds.Value), "limits"
        )
    except Unavailable as error:
        if isinstance(error.__cause__, UaError):
            return 0
        raise
    said = [answer.Value.Value for answer in answers if answer.Value is not None]
    return min((one for one in said if isinstance(one, int) and one > 0), default=0)


async def renewing(client: Client) -> None:
    """Renews the channel's keys at three quarters of their life (Part 4 §5.5.2), until cancelled."""
    with contextlib.suppress(OSError, UaError, TimeoutError):
        while True:
            await asyncio.sleep(client.secure_channel_timeout * 0.75 / 1000)
            await client.open_secure_channel(renew=True)
            client.uaclient.revolve_security_token()


async def within(work: Awaitable[T], what: str, seconds: float = REQUEST) -> T:
    """What the work returns; every library error and a missed deadline as Unavailable."""
    try:
        return await bounded(work, seconds)
    except TimeoutError:
        raise Unavailable(f"{what}: no answer within {seconds:g} s") from None
    except (OSError, UaError) as error:
        raise Unavailable(f"{what}: {str(error) or type(error).__name__}") from error

"""Whom we believe, and what we say to those we do not: against servers that encrypt."""

from __future__ import annotations

import multiprocessing
import os
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from asyncua import ua
from asyncua.common.utils import ServiceError
from asyncua.crypto.permission_rules import User, UserRole
from django.core.management import call_command

from connectors.interface import ConfigurationError, Unavailable
from connectors.protocols.opcua import OpcUaConfig, OpcUaConnector, trust
from tests.connectors.opcua_peers import (
    APPLICATION,
    ENCRYPTED,
    Issued,
    authority,
    encrypting,
    issued_by,
    revocation_list,
    self_signed,
)
from tests.connectors.peers import address, collect, free_port, opcua_server, values

NODES = {"count": 5}


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> trust.Pki:
    monkeypatch.setenv("MOM_DATA_DIR", str(tmp_path / "data"))
    return trust.pki()


@pytest.fixture(scope="module")
def server_identity() -> Issued:
    return self_signed()


@pytest.fixture(scope="module")
def ca() -> Issued:
    return authority()


def connector(port: int, **changes: Any) -> OpcUaConnector:
    settings: dict[str, Any] = {"publishing_ms": 50.0, "sampling_ms": 10.0, **changes}
    return OpcUaConnector(
        OpcUaConfig(
            endpoint=f"opc.tcp://127.0.0.1:{port}/",
            addresses=tuple(map(address, NODES)),
            **settings,
        )
    )


async def read(port: int, **changes: Any) -> list[Any]:
    found = await connector(port, **changes).probe()
    return [sample.value for sample in found.samples]


@pytest.mark.parametrize("policy", ENCRYPTED, ids=lambda policy: policy.name)
async def test_a_trusted_server_is_read_encrypted(
    place: trust.Pki, server_identity: Issued, policy: ua.SecurityPolicyType
) -> None:
    server_identity.put(place.trusted)
    port = free_port()
    async with opcua_server(port, NODES, secure=encrypting(server_identity, policy)):
        made = connector(port)
        got = await collect(made, lambda batches: values(batches, address("count")) == [5])
    assert not [gap for batch in got for gap in batch.gaps]


async def test_an_untrusted_server_is_refused_by_thumbprint_and_moving_the_file_is_enough(
    place: trust.Pki, server_identity: Issued
) -> None:
    port = free_port()
    async with opcua_server(port, NODES, secure=encrypting(server_identity)):
        with pytest.raises(Unavailable) as refused:
            await read(port)
        said = str(refused.value)
        thumbprint = trust.thumbprint(server_identity.certificate)
        waiting = place.rejected / f"{thumbprint}.der"
        assert thumbprint in said
        assert f"from {waiting} to {place.trusted}" in said
        waiting.rename(place.trusted / waiting.name)
        assert await read(port) == [5]


async def test_a_refused_server_is_told_nothing_and_the_refusal_is_a_gap(
    place: trust.Pki, server_identity: Issued, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLC_PASSWORD", "secret")
    asked: list[Any] = []

    class Users:
        def get_user(self, *args: Any, **kwargs: Any) -> User:
            asked.append((args, kwargs))
            return User(role=UserRole.User)

    port = free_port()
    async with opcua_server(port, NODES, secure=encrypting(server_identity), users=Users()):
        made = connector(port, username="mom", password_env="PLC_PASSWORD")
        stream: Any = made.batches()
        batch = await anext(stream)
        with pytest.raises(Unavailable, match="not trusted yet"):
            await anext(stream)
    (gap,) = batch.gaps
    assert (gap.cause, "not trusted yet" in gap.detail) == ("connection_down", True)
    assert asked == []


async def test_a_server_that_swaps_its_certificate_is_refused(
    place: trust.Pki, server_identity: Issued
) -> None:
    server_identity.put(place.trusted)
    port = free_port()
    async with opcua_server(port, NODES, secure=encrypting(self_signed())):
        with pytest.raises(Unavailable, match="not trusted yet"):
            await read(port)


async def test_a_server_that_offers_only_broken_or_no_encryption_is_refused(place: trust.Pki) -> None:
    port = free_port()
    async with opcua_server(port, NODES):
        with pytest.raises(Unavailable, match="no encrypted endpoint we accept"):
            await read(port)


class OneUser:
    def get_user(self, iserver: Any, username: Any = None, password: Any = None, **_: Any) -> User | None:
        return User(role=UserRole.User) if (username, password) == ("mom", "s3cret ") else None


@pytest.mark.parametrize("source", ["environment", "file"])
async def test_user_and_password_come_from_environment_or_file(
    place: trust.Pki, server_identity: Issued, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, source: str
) -> None:
    server_identity.put(place.trusted)
    monkeypatch.setenv("PLC_PASSWORD", "s3cret ")
    (tmp_path / "password").write_text("s3cret \n")
    named = (
        {"password_env": "PLC_PASSWORD"}
        if source == "environment"
        else {"password_file": str(tmp_path / "password")}
    )
    port = free_port()
    async with opcua_server(port, NODES, secure=encrypting(server_identity), users=OneUser()):
        assert await read(port, username="mom", **named) == [5]
        monkeypatch.setenv("PLC_PASSWORD", "wrong")
        (tmp_path / "password").write_text("wrong")
        with pytest.raises(Unavailable, match=r"BadUserAccessDenied|BadIdentityToken|denied|identity"):
            await read(port, username="mom", **named)


def test_a_password_in_the_settings_is_refused_and_not_repeated() -> None:
    with pytest.raises(ConfigurationError, match="unknown setting 'password'") as refused:
        OpcUaConfig.from_mapping({"endpoint": "opc.tcp://localhost", "password": "hunter2"})
    assert "hunter2" not in str(refused.value)
    with pytest.raises(ConfigurationError, match=r"read 'host:4840', expected opc\.tcp") as refused:
        OpcUaConnector(OpcUaConfig(endpoint="opc.tcp://mom:hunter2@host:4840"))
    assert "hunter2" not in str(refused.value)


async def test_a_server_that_does_not_trust_us_is_told_apart(
    place: trust.Pki, server_identity: Issued
) -> None:
    server_identity.put(place.trusted)

    async def nobody(certificate: Any, application: Any) -> None:
        raise ServiceError(ua.StatusCodes.BadCertificateUntrusted)

    port = free_port()
    async with opcua_server(port, NODES, secure=encrypting(server_identity)) as server:
        server.set_certificate_validator(nobody)
        with pytest.raises(Unavailable) as refused:
            await read(port)
    identity = trust.own(place)
    assert f"trust our certificate {identity.thumbprint}, {identity.certificate}?" in str(refused.value)


# -- whom we believe, without a wire -----------------------------------------------------------------------


def problem(place: trust.Pki, shown: Issued, **changes: Any) -> str:
    """Why a server is refused; "" when it is believed."""
    asked = {"application": APPLICATION, "host": "127.0.0.1", **changes}
    try:
        trust.check(place, shown.der, **asked)
    except trust.Untrusted as error:
        return str(error)
    return ""


def test_an_authority_vouches_for_its_servers_under_their_own_host_only(place: trust.Pki, ca: Issued) -> None:
    server = issued_by(ca)
    assert "not trusted yet" in problem(place, server)
    ca.put(place.trusted)
    assert problem(place, server) == ""
    assert "issued for another host" in problem(place, server, host="10.1.2.3")
    assert "issued for another application" in problem(place, server, application="urn:other")


def test_an_authority_in_between_is_believed_only_below_a_trusted_one(place: trust.Pki, ca: Issued) -> None:
    between = authority("line authority", by=ca)
    server = issued_by(between)
    between.put(place.folder / "issuers")
    assert "not trusted yet" in problem(place, server)
    ca.put(place.trusted)
    assert problem(place, server) == ""
    (place.folder / "revoked").mkdir()
    (place.folder / "revoked" / "list.crl").write_bytes(revocation_list(ca, between))
    assert "not trusted yet" in problem(place, server)


def test_a_revoked_server_is_refused(place: trust.Pki, ca: Issued) -> None:
    ca.put(place.trusted)
    server, other = issued_by(ca), issued_by(ca)
    (place.folder / "revoked").mkdir()
    (place.folder / "revoked" / "list.der").write_bytes(revocation_list(ca, other))
    assert problem(place, server) == ""
    assert "not trusted yet" in problem(place, other)


def test_a_trusted_server_vouches_for_nobody(place: trust.Pki, server_identity: Issued) -> None:
    """Self-signed certificates often call themselves an authority."""
    server_identity.put(place.trusted)
    assert "not trusted yet" in problem(place, issued_by(server_identity))


def test_an_expired_or_early_certificate_is_refused_though_trusted(place: trust.Pki, ca: Issued) -> None:
    for start in (timedelta(days=-60), timedelta(days=5)):
        server = issued_by(ca, start=datetime.now(UTC) + start)
        server.put(place.trusted)
        assert "valid only from" in problem(place, server)


def test_one_named_file_is_the_only_server_believed(
    place: trust.Pki, server_identity: Issued, tmp_path: Path
) -> None:
    other = self_signed()
    other.put(place.trusted)
    server_identity.put(tmp_path, "server.crt")
    named = str(tmp_path / "server.crt")
    assert problem(place, server_identity, only=named) == ""
    assert "it is not the one in" in problem(place, other, only=named)


def test_a_file_that_is_no_certificate_is_named(place: trust.Pki, server_identity: Issued) -> None:
    place.trusted.mkdir(parents=True)
    (place.trusted / "notes.pem").write_text("-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n")
    assert "notes.pem" in problem(place, server_identity)


def test_bytes_that_are_no_certificate_are_refused_and_strangers_do_not_fill_the_disk(
    place: trust.Pki, server_identity: Issued, monkeypatch: pytest.MonkeyPatch
) -> None:
    for raw in (b"", b"\x30", b"\x30\x82\xff", b"0" * 500):
        with pytest.raises(trust.Untrusted, match="cannot be read"):
            trust.check(place, raw, application=APPLICATION, host="x")
    monkeypatch.setattr(trust, "KEPT_REJECTED", 1)
    problem(place, server_identity)
    problem(place, self_signed())
    assert [path.stem for path in place.rejected.iterdir()] == [trust.thumbprint(server_identity.certificate)]


def test_a_chain_is_read_as_servers_send_it(place: trust.Pki, ca: Issued) -> None:
    server = issued_by(ca)
    ca.put(place.trusted)
    assert list(trust.der_parts(server.der + ca.der)) == [server.der, ca.der]
    found = trust.check(place, server.der + ca.der, application=APPLICATION, host="127.0.0.1")
    assert found == server.certificate


# -- our own certificate -----------------------------------------------------------------------------------


def _own(folder: str, into: Any) -> None:
    into.put(trust.own(trust.Pki(Path(folder))).thumbprint)


def test_processes_that_start_at_once_agree_on_one_certificate(place: trust.Pki) -> None:
    context = multiprocessing.get_context("fork")
    said: Any = context.Queue()
    started = [context.Process(target=_own, args=(str(place.folder), said)) for _ in range(4)]
    for process in started:
        process.start()
    thumbprints = {said.get(timeout=60) for _ in started}
    for process in started:
        process.join(10)
    assert thumbprints == {trust.own(place).thumbprint}
    assert stat.S_IMODE(os.stat(place.private_key).st_mode) == 0o600
    assert stat.S_IMODE(os.stat(place.private_key.parent).st_mode) == 0o700
    assert not [path for path in place.folder.iterdir() if path.name.startswith(".own")]


def test_the_command_shows_what_to_trust(place: trust.Pki, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("connector_certificate")
    said = capsys.readouterr().out
    identity = trust.own(place)
    for text in (identity.certificate, identity.thumbprint, identity.trusted):
        assert text in said


def test_no_encryption_is_for_this_machine_or_said_with_a_reason() -> None:
    def made(host: str, **changes: Any) -> OpcUaConnector:
        return OpcUaConnector(OpcUaConfig(endpoint=f"opc.tcp://{host}:4840", security="none", **changes))

    for here in ("localhost", "127.0.0.1", "127.9.9.9", "[::1]"):
        assert OpcUaConnector.exception(made(here)._config) == ""
    for there in ("10.0.0.5", "plc1", "localhost.example.org", "0.0.0.0"):
        with pytest.raises(ConfigurationError, match="only for this machine"):
            made(there)
        with pytest.raises(ConfigurationError, match="only for this machine"):
            made(there, accept_insecure=True, insecure_reason=" ")
        with pytest.raises(ConfigurationError, match="only for this machine"):
            made(there, insecure_reason="old controller")
        accepted = made(there, accept_insecure=True, insecure_reason="old controller")
        assert OpcUaConnector.exception(accepted._config) == "old controller"

"""OPC UA servers that encrypt, and the certificates and authorities around them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from asyncua import Server, ua
from asyncua.crypto import cert_gen
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

APPLICATION = "urn:test:server"
ENCRYPTED = (
    ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt,
    ua.SecurityPolicyType.Aes128Sha256RsaOaep_SignAndEncrypt,
    ua.SecurityPolicyType.Aes256Sha256RsaPss_SignAndEncrypt,
)


@dataclass(frozen=True)
class Issued:
    certificate: x509.Certificate
    key: Any

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)

    def put(self, folder: Path, name: str = "put.der") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(self.der)


def self_signed(*, uri: str = APPLICATION, days: int = 30) -> Issued:
    key = cert_gen.generate_private_key()
    names: list[x509.GeneralName] = [x509.UniformResourceIdentifier(uri), x509.DNSName("localhost")]
    usage = [ExtendedKeyUsageOID.SERVER_AUTH]
    return Issued(
        cert_gen.generate_self_signed_app_certificate(key, "server", {}, names, usage, days=days), key
    )


def authority(name: str = "plant authority", *, by: Issued | None = None) -> Issued:
    key = cert_gen.generate_private_key()
    return Issued(_sign(name, key.public_key(), by or Issued(None, key), is_authority=True, names=[]), key)  # type: ignore[arg-type]


def issued_by(
    authority: Issued, *, host: str = "127.0.0.1", uri: str = APPLICATION, start: datetime | None = None
) -> Issued:
    from ipaddress import ip_address

    key = cert_gen.generate_private_key()
    names = [x509.UniformResourceIdentifier(uri), x509.IPAddress(ip_address(host))]
    return Issued(_sign("server", key.public_key(), authority, names=names, start=start), key)


def _sign(
    name: str,
    public: Any,
    by: Issued,
    *,
    names: list[Any],
    is_authority: bool = False,
    start: datetime | None = None,
) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    start = start or datetime.now(UTC) - timedelta(days=1)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by.certificate.subject if by.certificate else subject)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=30))
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        .add_extension(
            x509.KeyUsage(
                digital_signature=True,
                content_commitment=True,
                key_encipherment=not is_authority,
                data_encipherment=not is_authority,
                key_agreement=False,
                key_cert_sign=is_authority,
                crl_sign=is_authority,
                encipher_only=False,
                decipher_only=False,
            ),
            critical=True,
        )
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(by.key, hashes.SHA256())


def revocation_list(by: Issued, *revoked: Issued) -> bytes:
    now = datetime.now(UTC)
    builder = x509.CertificateRevocationListBuilder().issuer_name(by.certificate.subject)
    builder = builder.last_update(now).next_update(now + timedelta(days=1))
    for item in revoked:
        entry = x509.RevokedCertificateBuilder().serial_number(item.certificate.serial_number)
        builder = builder.add_revoked_certificate(entry.revocation_date(now).build())
    return builder.sign(by.key, hashes.SHA256()).public_bytes(Encoding.DER)


def encrypting(
    server_identity: Issued, *policies: ua.SecurityPolicyType, uri: str = APPLICATION
) -> Callable[[Server], Awaitable[None]]:
    """Sets a server up to accept nothing but these policies."""

    async def secure(server: Server) -> None:
        await server.set_application_uri(uri)
        server.set_security_policy(list(policies or ENCRYPTED))
        await server.load_certificate(server_identity.der, "der")
        key = cert_gen.dump_private_key_as_pem(server_identity.key)
        await server.load_private_key(key, format="pem")

    return secure

"""The secured channel: which policy, our credentials, the server we believe."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from asyncua import ua
from asyncua.crypto import security_policies as policies
from asyncua.crypto.uacrypto import CertProperties
from cryptography.hazmat.primitives.serialization import Encoding

from connectors.domain.phrase import late
from connectors.interface import ConfigurationError, Unavailable
from connectors.protocols.opcua import trust

# Strongest first; what is older (Basic128Rsa15, Basic256) is broken and never used.
POLICIES: tuple[Any, ...] = (
    policies.SecurityPolicyAes256Sha256RsaPss,
    policies.SecurityPolicyAes128Sha256RsaOaep,
    policies.SecurityPolicyBasic256Sha256,
)


@dataclass(frozen=True)
class Credentials:
    certificate: CertProperties
    private_key: CertProperties
    application_uri: str
    thumbprint: str
    file: str


def credentials(certificate: str, private_key: str) -> Credentials:
    """Of the files named, or of this host's own, made if need be. Raises ConfigurationError."""
    place = trust.pki()
    if not certificate:
        trust.own(place)
    public = Path(certificate) if certificate else place.certificate
    private = Path(private_key) if certificate else place.private_key
    try:
        ours, key = trust.load(public), private.read_bytes()
    except (OSError, ValueError) as error:
        text = late("our own certificate in %(folder)s: %(why)s")
        raise ConfigurationError(text, folder=str(public), why=str(error)) from error
    return Credentials(
        certificate=CertProperties(ours.public_bytes(Encoding.DER), "der"),
        private_key=CertProperties(key, "pem" if b"-----BEGIN" in key else "der"),
        application_uri=trust.application_uri(ours),
        thumbprint=trust.thumbprint(ours),
        file=str(public),
    )


def chosen(
    endpoints: Iterable[ua.EndpointDescription], url: str, only: str
) -> tuple[type[policies.SecurityPolicy], CertProperties]:
    """The strongest policy the server offers with encryption, and its certificate once we believe it.

    Raises Untrusted, or Unavailable when it offers none.
    """
    offered = [item for item in endpoints if item.SecurityMode == ua.MessageSecurityMode.SignAndEncrypt]
    by_policy = {str(item.SecurityPolicyUri): item for item in offered}
    for policy in POLICIES:
        endpoint = by_policy.get(policy.URI)
        if endpoint is not None:
            host = urlsplit(url).hostname or ""
            application = str(endpoint.Server.ApplicationUri)
            server = trust.check(
                trust.pki(), endpoint.ServerCertificate or b"", application=application, host=host, only=only
            )
            return policy, CertProperties(server.public_bytes(Encoding.DER), "der")
    raise Unavailable(
        late("the server offers no encrypted endpoint we accept (%(accepted)s); it offers: %(offered)s"),
        accepted=", ".join(policy.URI.rpartition("#")[2] for policy in POLICIES),
        offered=", ".join(sorted(uri.rpartition("#")[2] for uri in by_policy)) or "None",
    )

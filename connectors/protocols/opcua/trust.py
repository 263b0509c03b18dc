"""Who we are to OPC UA servers, and which of them we believe: files an engineer can see, copy and move.

Below ``<data directory>/opcua``: ``own/`` our certificate and key, made once; ``trusted/`` certificates of
servers, or of authorities whose servers are believed; ``issuers/`` authorities between; ``revoked/`` their
revocation lists; ``rejected/`` what servers showed and nobody trusts yet.
Each host that connects has its own.
"""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from asyncua.crypto import cert_gen
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from connectors.domain.phrase import Phrase, late, phrase
from connectors.interface import ConfigurationError, Identity, Unavailable

ROOT = Path(__file__).resolve().parents[3]
SUFFIXES = {".der", ".pem", ".crt", ".cer"}
OWN_DAYS = 5 * 365
KEPT_REJECTED = 50
SMALLEST_KEY = 2048
LONGEST_CHAIN = 5


class Untrusted(Unavailable):
    """The server's certificate is not one of those we believe; asked again, since somebody may trust it."""


@dataclass(frozen=True)
class Pki:
    """The folders of one host; nothing is made before it is needed."""

    folder: Path

    @property
    def certificate(self) -> Path:
        return self.folder / "own" / "certificate.der"

    @property
    def private_key(self) -> Path:
        return self.folder / "own" / "private_key.pem"

    @property
    def trusted(self) -> Path:
        return self.folder / "trusted"

    @property
    def rejected(self) -> Path:
        return self.folder / "rejected"


def pki() -> Pki:
    """In the data directory of this process, as its environment names it."""
    return Pki(Path(os.environ.get("MOM_DATA_DIR", "").strip() or ROOT / ".run").resolve() / "opcua")


def thumbprint(certificate: x509.Certificate) -> str:
    """SHA-1 in capitals, as servers and their tools show it; a name, not a protection."""
    return certificate.fingerprint(hashes.SHA1()).hex().upper()


def own(place: Pki) -> Identity:
    """Our certificate, made at the first call; processes that call at once agree on one.

    Raises ConfigurationError when it cannot be made, read or has expired.
    """
    try:
        if not place.certificate.exists():
            _make(place)
        certificate = load(place.certificate)
    except (OSError, ValueError) as error:
        text = late("our own certificate in %(folder)s: %(why)s")
        raise ConfigurationError(text, folder=str(place.folder / "own"), why=str(error)) from error
    if certificate.not_valid_after_utc < datetime.now(UTC):
        text = late(
            "our own certificate expired: remove %(folder)s, a new one is made; trust it at the server"
        )
        raise ConfigurationError(text, folder=str(place.folder / "own"))
    return Identity(
        certificate=str(place.certificate),
        thumbprint=thumbprint(certificate),
        valid_until=certificate.not_valid_after_utc,
        trusted=str(place.trusted),
        rejected=str(place.rejected),
    )


def _make(place: Pki) -> None:
    for folder in (place.trusted, place.rejected, place.folder / "issuers", place.folder / "revoked"):
        folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".own", dir=place.folder) as made:
        host = socket.gethostname()
        key = cert_gen.generate_private_key()
        certificate = cert_gen.generate_self_signed_app_certificate(
            key,
            "Manufacturing operations",
            {"organizationName": host[:64]},
            [x509.UniformResourceIdentifier(f"urn:{host}:mom:client"), x509.DNSName(host)],
            [ExtendedKeyUsageOID.CLIENT_AUTH],
            days=OWN_DAYS,
        )
        folder = Path(made) / "own"
        folder.mkdir(mode=0o700)
        private = folder / place.private_key.name
        private.touch(mode=0o600)
        private.write_bytes(cert_gen.dump_private_key_as_pem(key))
        (folder / place.certificate.name).write_bytes(certificate.public_bytes(Encoding.DER))
        try:
            # Certificate and key appear together; a folder with content is never replaced
            folder.rename(place.folder / "own")
        except OSError:
            if not place.certificate.exists():
                raise


def application_uri(certificate: x509.Certificate) -> str:
    """OPC UA Part 6 §6.2.2: the one URI among the certificate's names; "" = none."""
    found = _names(certificate, x509.UniformResourceIdentifier)
    return str(found[0]) if found else ""


def check(place: Pki, raw: bytes, *, application: str, host: str, only: str = "") -> x509.Certificate:
    """The server's certificate (the first of a chain), believed. Raises Untrusted.

    ``only``: a file; then nothing else is believed. A certificate that is trusted itself is believed under
    any host name; one that an authority vouches for must name the host, or every machine of that authority
    could pose as it.
    """
    try:
        chain = [x509.load_der_x509_certificate(part) for part in der_parts(raw)]
        certificate = chain[0]
    except (ValueError, IndexError) as error:
        raise Untrusted(late("the server's certificate cannot be read: %(why)s"), why=str(error)) from error
    problem = _problem(place, certificate, application=application, host=host, only=only)
    if problem is not None:
        _keep_rejected(place, certificate)
        raise Untrusted(
            late("certificate %(thumbprint)s of server %(host)s is refused: %(problem)s"),
            thumbprint=thumbprint(certificate),
            host=host,
            problem=problem,
        )
    return certificate


def _problem(
    place: Pki, certificate: x509.Certificate, *, application: str, host: str, only: str
) -> Phrase | None:
    now = datetime.now(UTC)
    if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
        return phrase(
            late("valid only from %(start)s to %(end)s"),
            start=f"{certificate.not_valid_before_utc:%Y-%m-%d}",
            end=f"{certificate.not_valid_after_utc:%Y-%m-%d}",
        )
    key = certificate.public_key()
    if not isinstance(key, rsa.RSAPublicKey) or key.key_size < SMALLEST_KEY:
        return phrase(late("its key is shorter than %(bits)d bits"), bits=SMALLEST_KEY)
    if application not in _names(certificate, x509.UniformResourceIdentifier):
        return phrase(late("it was issued for another application than %(uri)s"), uri=application)
    if only:
        if certificate != _read_only(only):
            return phrase(late("it is not the one in %(file)s"), file=only)
        return None
    if certificate in _all(place.trusted):
        return None
    if _vouched_for(place, certificate, now):
        hosts = [*_names(certificate, x509.DNSName), *_names(certificate, x509.IPAddress)]
        if host.lower() in {str(name).lower() for name in hosts}:
            return None
        return phrase(late("it was issued for another host than %(host)s"), host=host)
    return phrase(
        late(
            "not trusted yet. Compare the thumbprint with the one the server shows, then move the file"
            " from %(rejected)s to %(trusted)s"
        ),
        rejected=str(place.rejected / f"{thumbprint(certificate)}.der"),
        trusted=str(place.trusted),
    )


def _read_only(path: str) -> x509.Certificate:
    try:
        return load(Path(path))
    except (OSError, ValueError) as error:
        text = late("server_certificate: %(file)s: %(why)s")
        raise ConfigurationError(text, file=path, why=str(error)) from error


def _vouched_for(place: Pki, certificate: x509.Certificate, now: datetime) -> bool:
    """Whether a trusted authority issued it, directly or through others, and nobody revoked one of them."""
    trusted = [item for item in _all(place.trusted) if _is_authority(item)]
    known = [*trusted, *(item for item in _all(place.folder / "issuers") if _is_authority(item))]
    current = certificate
    for _ in range(LONGEST_CHAIN):
        if _revoked(place, current):
            return False
        issuer = next((item for item in known if _issued(current, item)), None)
        if issuer is None or issuer == current:
            return False
        if not issuer.not_valid_before_utc <= now <= issuer.not_valid_after_utc:
            return False
        if issuer in trusted:
            return True
        current = issuer
    return False


def _issued(certificate: x509.Certificate, by: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(by)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _is_authority(certificate: x509.Certificate) -> bool:
    """A server's own certificate may say so too, when it signed itself: it vouches for nobody else."""
    try:
        found = certificate.extensions
        signs = found.get_extension_for_class(x509.KeyUsage).value.key_cert_sign
        authority = found.get_extension_for_class(x509.BasicConstraints).value.ca
    except (x509.ExtensionNotFound, ValueError):
        return False
    return authority and signs and not any(isinstance(e.value, x509.ExtendedKeyUsage) for e in found)


def _revoked(place: Pki, certificate: x509.Certificate) -> bool:
    for path in _files(place.folder / "revoked", SUFFIXES | {".crl"}):
        raw = path.read_bytes()
        listed = x509.load_pem_x509_crl(raw) if b"-----BEGIN" in raw else x509.load_der_x509_crl(raw)
        if listed.issuer == certificate.issuer and listed.get_revoked_certificate_by_serial_number(
            certificate.serial_number
        ):
            return True
    return False


def _keep_rejected(place: Pki, certificate: x509.Certificate) -> None:
    """For the engineer to look at and move; bounded, since anybody can show us certificates."""
    place.rejected.mkdir(parents=True, exist_ok=True)
    target = place.rejected / f"{thumbprint(certificate)}.der"
    if not target.exists() and len(list(_files(place.rejected))) < KEPT_REJECTED:
        target.write_bytes(certificate.public_bytes(Encoding.DER))


def _all(folder: Path) -> list[x509.Certificate]:
    """Raises Untrusted naming a file that is no certificate: believing less than was meant must be seen."""
    found = []
    for path in _files(folder):
        try:
            found.append(load(path))
        except (OSError, ValueError) as error:
            raise Untrusted(late("%(file)s: %(why)s"), file=str(path), why=str(error)) from error
    return found


def _files(folder: Path, suffixes: set[str] = SUFFIXES) -> Iterator[Path]:
    if folder.is_dir():
        yield from sorted(path for path in folder.iterdir() if path.suffix.lower() in suffixes)


def load(path: Path) -> x509.Certificate:
    """DER or PEM, whatever the file is called. Raises OSError or ValueError."""
    raw = path.read_bytes()
    return (
        x509.load_pem_x509_certificate(raw) if b"-----BEGIN" in raw else x509.load_der_x509_certificate(raw)
    )


def _names(certificate: x509.Certificate, kind: Any) -> list[object]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return []
    return list(names.get_values_for_type(kind))


def der_parts(raw: bytes) -> Iterator[bytes]:
    """Certificates one after the other, as servers send their chain (Part 6 §6.2.6)."""
    while len(raw) > 4 and raw[0] == 0x30:
        short, size = raw[1] < 0x80, raw[1] & 0x7F
        end = 2 + size if short else 2 + size + int.from_bytes(raw[2 : 2 + size], "big")
        yield raw[:end]
        raw = raw[end:]


def is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"

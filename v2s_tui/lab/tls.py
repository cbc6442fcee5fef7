"""Certificates for the lab's HTTPS servers: one certificate authority and one leaf per lab folder.

Owns the files `ca.pem`, `server.pem` and `server.key` in the folder it is given. No key is ever shipped: a
folder without a complete set gets a new one, and the authority's own key is thrown away after signing.
"""

import datetime
import hashlib
import ipaddress
import os
import ssl
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

VALID_DAYS = 365
RENEW_BEFORE_DAYS = 7


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """Where the lab's certificates lie, and what a client pins.

    ca_file: trust anchor for clients. cert_file, key_file: what the servers present.
    thumbprint_sha1: SHA-1 of the leaf as vSphere writes it, `AA:BB:...`.
    """

    ca_file: Path
    cert_file: Path
    key_file: Path
    thumbprint_sha1: str


def make_certificate(folder: Path, *, hosts: tuple[str, ...] = ("localhost", "127.0.0.1")) -> TlsFiles:
    """Return the folder's certificates, made anew when it has none that are usable for `hosts`."""
    folder.mkdir(parents=True, exist_ok=True)
    ca_file, cert_file, key_file = (folder / name for name in ("ca.pem", "server.pem", "server.key"))
    if not (ca_file.exists() and key_file.exists() and _is_usable(cert_file, hosts)):
        _write_new_set(ca_file, cert_file, key_file, hosts)
    return TlsFiles(ca_file, cert_file, key_file, thumbprint(cert_file))


def thumbprint(cert_file: Path) -> str:
    """SHA-1 over the DER form of the first certificate in a PEM file, as vSphere writes it."""
    der = ssl.PEM_cert_to_DER_cert(cert_file.read_text())
    digest = hashlib.sha1(der, usedforsecurity=False).hexdigest().upper()
    return ":".join(digest[i : i + 2] for i in range(0, len(digest), 2))


def server_context(files: TlsFiles) -> ssl.SSLContext:
    """TLS context for one of the lab's servers."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.cert_file, files.key_file)
    return context


def _is_usable(cert_file: Path, hosts: tuple[str, ...]) -> bool:
    if not cert_file.exists():
        return False
    certificate = x509.load_pem_x509_certificate(cert_file.read_bytes())
    soon = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=RENEW_BEFORE_DAYS)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return certificate.not_valid_after_utc > soon and set(_alternative_names(hosts)) <= set(names)


def _write_new_set(ca_file: Path, cert_file: Path, key_file: Path, hosts: tuple[str, ...]) -> None:
    ca_key = ec.generate_private_key(ec.SECP256R1())
    ca = _authority(ca_key)
    leaf_key = ec.generate_private_key(ec.SECP256R1())
    leaf = _leaf(leaf_key, ca, ca_key, hosts)
    pem = serialization.Encoding.PEM
    _write_private(
        key_file,
        leaf_key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
    )
    ca_file.write_bytes(ca.public_bytes(pem))
    cert_file.write_bytes(leaf.public_bytes(pem))


def _write_private(path: Path, content: bytes) -> None:
    """Write a key that is never readable by others, not even for a moment."""
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _builder(subject: str, issuer: str, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(_name(issuer))
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=VALID_DAYS))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _key_usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )


def _authority(key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    builder = _builder("v2s lab authority", "v2s lab authority", key.public_key())
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    return builder.add_extension(_key_usage(authority=True), critical=True).sign(key, hashes.SHA256())


def _leaf(
    key: ec.EllipticCurvePrivateKey,
    ca: x509.Certificate,
    ca_key: ec.EllipticCurvePrivateKey,
    hosts: tuple[str, ...],
) -> x509.Certificate:
    authority_id = x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key())
    server_auth = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
    return (
        _builder(hosts[0], "v2s lab authority", key.public_key())
        .add_extension(x509.SubjectAlternativeName(_alternative_names(hosts)), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(authority=False), critical=True)
        .add_extension(server_auth, critical=False)
        .add_extension(authority_id, critical=False)
        .sign(ca_key, hashes.SHA256())
    )


def _alternative_names(hosts: tuple[str, ...]) -> list[x509.GeneralName]:
    return [_alternative_name(host) for host in hosts]


def _alternative_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)

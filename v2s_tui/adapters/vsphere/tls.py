"""Trust in the server's certificate: verified, pinned by thumbprint, or (visibly) not at all."""

import hashlib
import socket
import ssl
from typing import Any

from v2s_tui.adapters.vsphere.address import VcenterAddress


class ThumbprintMismatch(ssl.SSLError):
    """The certificate is not the pinned one. seen: its SHA-1, as vSphere writes it."""

    def __init__(self, seen: str) -> None:
        super().__init__(f"the certificate's thumbprint is {seen}")
        self.seen = seen


class PinnedContext(ssl.SSLContext):
    """Accepts exactly one certificate, however it is signed; refuses before a byte of ours is sent."""

    pinned: str = ""

    def wrap_socket(self, sock: socket.socket, *args: Any, **kwargs: Any) -> ssl.SSLSocket:
        """As SSLContext does, then compare. Raises ThumbprintMismatch."""
        wrapped = super().wrap_socket(sock, *args, **kwargs)
        certificate = wrapped.getpeercert(binary_form=True) or b""
        if self.pinned not in {thumbprint(certificate), thumbprint(certificate, "sha256")}:
            wrapped.close()
            raise ThumbprintMismatch(thumbprint(certificate))
        return wrapped


def thumbprint(certificate: bytes, algorithm: str = "sha1") -> str:
    """Digest of a DER certificate as vSphere writes it, `AA:BB:...`."""
    return normalised(hashlib.new(algorithm, certificate, usedforsecurity=False).hexdigest())


def normalised(text: str) -> str:
    """A thumbprint in upper case with colons, however it was written."""
    digits = text.replace(":", "").replace(" ", "").upper()
    return ":".join(digits[i : i + 2] for i in range(0, len(digits), 2))


def context_for(address: VcenterAddress) -> ssl.SSLContext:
    """The TLS context for every connection to this address. Raises OSError where ca_file cannot be read."""
    if address.thumbprint:
        pinned = PinnedContext(ssl.PROTOCOL_TLS_CLIENT)
        pinned.pinned = normalised(address.thumbprint)
        return _unverified(pinned)
    if address.insecure:
        return _unverified(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
    context = ssl.create_default_context(cafile=address.ca_file or None)
    # Python 3.13 turns this on; certificates of vCenter's own authority lack extensions it asks for.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context


def _unverified(context: ssl.SSLContext) -> ssl.SSLContext:
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def note(address: VcenterAddress) -> str:
    """How the certificate is checked, for the operator to see."""
    if address.thumbprint:
        return f"certificate pinned by thumbprint {normalised(address.thumbprint)}"
    if address.insecure:
        return "certificate NOT verified (insecure)"
    return f"certificate verified against {address.ca_file or 'the system store'}"


def presented_thumbprint(address: VcenterAddress) -> str:
    """SHA-1 of the certificate the server shows, whoever signed it; "" when it shows none.

    Nothing is sent over this connection: it only tells an operator what could be pinned.
    """
    context = _unverified(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
    try:
        with (
            socket.create_connection((address.host, address.port), timeout=address.timeouts.connect) as raw,
            context.wrap_socket(raw, server_hostname=address.host) as wrapped,
        ):
            return thumbprint(wrapped.getpeercert(binary_form=True) or b"")
    except OSError:
        return ""

"""A failed connection in an operator's words: what was wrong, and the fix."""

import http.client
import socket
import ssl

from v2s_tui.adapters.vsphere import tls
from v2s_tui.adapters.vsphere.address import VcenterAddress
from v2s_tui.domain.errors import SourceUnreachable

TRANSPORT_ERRORS = (OSError, http.client.HTTPException)
"""What a connection raises when it fails (ssl.SSLError and TimeoutError are OSErrors)."""


def explain(address: VcenterAddress, error: BaseException) -> SourceUnreachable:
    """The error to raise for a failed connection or a broken answer."""
    if isinstance(error, (tls.ThumbprintMismatch, ssl.SSLError)):
        return _explain_tls(address, error)
    title, hint = _explain_network(address, error)
    return SourceUnreachable(title, hint=hint)


def _explain_tls(address: VcenterAddress, error: ssl.SSLError) -> SourceUnreachable:
    if isinstance(error, tls.ThumbprintMismatch):
        return SourceUnreachable(
            f"The certificate of {address.netloc} has thumbprint {error.seen}, not the one that is pinned",
            hint="If the certificate was renewed, set vmware.thumbprint to the new one; else somebody"
            " may stand in between",
        )
    if isinstance(error, ssl.SSLCertVerificationError):
        return SourceUnreachable(
            f"The certificate of {address.netloc} is not trusted: {error.verify_message}",
            hint="Set vmware.ca_file to the PEM of its authority, or vmware.thumbprint to"
            f" {tls.presented_thumbprint(address) or 'its thumbprint'} after comparing it with vCenter's own",
        )
    return SourceUnreachable(
        f"No TLS connection to {address.netloc}: {error.reason or error}",
        hint="Is this the HTTPS port of a vCenter or ESXi host?",
    )


def _explain_network(address: VcenterAddress, error: BaseException) -> tuple[str, str]:
    place = address.netloc
    match error:
        case socket.gaierror():
            return f"The name {address.host} cannot be resolved", "Check vmware.vcenter and this host's DNS"
        case ConnectionRefusedError():
            return f"Nothing listens at {place}", "Check vmware.vcenter, vmware.port and the firewall"
        case TimeoutError():
            return f"{place} did not answer in time", "Check routing and firewall; is vCenter overloaded?"
        case http.client.IncompleteRead() | http.client.RemoteDisconnected() | ConnectionError():
            return (
                f"{place} closed the connection before its answer was complete",
                "Retry; see vCenter's logs",
            )
        case http.client.HTTPException():
            return f"{place} does not answer like a vCenter: {error}", "Is this a vCenter or ESXi host?"
    return f"No connection to {place}: {error}", "Check vmware.vcenter, routing and firewall"

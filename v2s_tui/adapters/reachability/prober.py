"""One look at an address: ICMP echo, TCP connection or HTTP answer. What went wrong is told, not raised."""

import http.client
import os
import socket
import ssl
import struct
import time

from v2s_tui.domain.planning.reachability import Probe, ProbeKind

_ECHO_REQUEST, _ECHO_REPLY = 8, 0


class NetworkProber:
    """Implements `Prober` with sockets of this host; no tool is needed."""

    def probe(self, address: str, probe: Probe, *, timeout_seconds: float) -> str:
        """ "" when it answers, else why not."""
        try:
            if probe.kind is ProbeKind.PING:
                return _ping(address, timeout_seconds)
            if probe.kind is ProbeKind.TCP:
                return _connect(address, probe.port, timeout_seconds)
            return _get(address, probe, timeout_seconds)
        except PermissionError:
            return "this user may not send ICMP; use a tcp check"
        except (OSError, http.client.HTTPException) as err:
            return str(err) or type(err).__name__


def _connect(address: str, port: int, timeout_seconds: float) -> str:
    with socket.create_connection((address, port), timeout=timeout_seconds):
        return ""


def _get(address: str, probe: Probe, timeout_seconds: float) -> str:
    """The guest's certificate is its owner's business: only whether it answers counts here."""
    if probe.kind is ProbeKind.HTTPS:
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        connection: http.client.HTTPConnection = http.client.HTTPSConnection(
            address, probe.port, timeout=timeout_seconds, context=context
        )
    else:
        connection = http.client.HTTPConnection(address, probe.port, timeout=timeout_seconds)
    try:
        connection.request("GET", probe.path)
        status = connection.getresponse().status
    finally:
        connection.close()
    return f"HTTP {status}" if status >= 500 else ""


def _ping(address: str, timeout_seconds: float) -> str:
    """One echo. Unprivileged ICMP sockets where the kernel grants them, raw ones for root."""
    deadline = time.monotonic() + timeout_seconds
    identity = os.getpid() & 0xFFFF
    with _icmp_socket() as sender:
        sender.sendto(_echo(identity), (address, 0))
        while (left := deadline - time.monotonic()) > 0:
            sender.settimeout(left)
            packet, (source, *_) = sender.recvfrom(2048)
            body = packet[(packet[0] & 15) * 4 :] if sender.type == socket.SOCK_RAW else packet
            if source == address and body[:1] == bytes([_ECHO_REPLY]):
                return ""
    return "no answer to ping"


def _icmp_socket() -> socket.socket:
    try:
        return socket.socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP)
    except PermissionError:
        return socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)


def _echo(identity: int) -> bytes:
    header = struct.pack("!BBHHH", _ECHO_REQUEST, 0, 0, identity, 1)
    body = b"v2s"
    checksum = _checksum(header + body + b"\0")
    return struct.pack("!BBHHH", _ECHO_REQUEST, 0, checksum, identity, 1) + body


def _checksum(data: bytes) -> int:
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF

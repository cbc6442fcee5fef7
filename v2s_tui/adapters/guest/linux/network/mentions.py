"""Files beside the network configuration that name an interface: they are the site's own and stay so.

A firewall that accepts connections on ens192 only locks everybody out once the interface is called ens2.
"""

import re
from collections.abc import Iterator, Mapping

from v2s_tui.adapters.guest.linux.view import GuestView

_PLACES = (
    "/etc/sysconfig/iptables", "/etc/sysconfig/ip6tables", "/etc/iptables/rules.v4", "/etc/iptables/rules.v6",
    "/etc/nftables.conf", "/etc/sysconfig/nftables.conf", "/etc/nftables/*.nft", "/etc/ufw/*.rules",
    "/etc/firewalld/direct.xml", "/etc/firewalld/zones/*.xml", "/etc/sysconfig/SuSEfirewall2",
    "/etc/shorewall/interfaces", "/etc/keepalived/keepalived.conf", "/etc/default/isc-dhcp-server",
    "/etc/dnsmasq.conf",
)  # fmt: skip


def mentions(view: GuestView, renamed: Mapping[str, str]) -> list[str]:
    """A warning for each file that speaks of an interface by the name it had. renamed: old -> new."""
    return [
        f"{path} speaks of {old}, which is called {new} now; it was not changed"
        for path in _files(view)
        for old, new in renamed.items()
        if old and _speaks_of(view.read_text(path) or "", old)
    ]


def _files(view: GuestView) -> Iterator[str]:
    for place in _PLACES:
        yield from view.glob(place) if "*" in place else [place]


def _speaks_of(text: str, name: str) -> bool:
    word = re.compile(rf"(?<![\w.-]){re.escape(name)}(?![\w-])")
    return any(word.search(line) for line in text.splitlines() if not line.lstrip().startswith("#"))

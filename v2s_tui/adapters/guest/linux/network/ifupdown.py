"""ifupdown: /etc/network/interfaces and interfaces.d (Debian)."""

import re
from dataclasses import dataclass, field

from v2s_tui.adapters.guest.linux.network.edit import NetworkEdit, reason_of
from v2s_tui.adapters.guest.linux.view import GuestView
from v2s_tui.domain.guest.network import NicMode, NicPlan, SourceInterface, match_nics

_MAIN = "/etc/network/interfaces"
_STANZA = ("iface", "auto", "allow-", "mapping", "source", "source-directory", "no-auto-down", "no-scripts")
_DHCP_CLIENTS = (
    "/sbin/dhclient", "/usr/sbin/dhclient", "/sbin/dhcpcd", "/usr/sbin/dhcpcd", "/sbin/udhcpc",
    "/bin/busybox", "/usr/bin/busybox",
)  # fmt: skip


@dataclass(slots=True)
class Stanza:
    """A first line and the option lines below it, as they are."""

    head: str
    body: list[str] = field(default_factory=list)

    @property
    def words(self) -> list[str]:
        return self.head.split()


def is_used(view: GuestView) -> bool:
    """True when an interface beside the loopback is configured."""
    return any(_interfaces(parse_stanzas(view.read_text(path) or "")) for path in _files(view))


def has_dhcp_client(view: GuestView) -> bool:
    """Whether ifupdown can do DHCP at all in this guest."""
    return any(view.is_file(path) for path in _DHCP_CLIENTS)


def plan(view: GuestView, nics: tuple[NicPlan, ...], *, strip: bool = False) -> NetworkEdit:
    """Edit every file; one interface may have several stanzas (inet, inet6, aliases, VLANs).

    strip: take the interfaces out instead, because another system will configure them.
    """
    edit, left = NetworkEdit(), list(nics)
    for path in _files(view):
        text = view.read_text(path) or ""
        matched = match_nics(_interfaces(parse_stanzas(text)), tuple(left))
        for interface, nic in matched:
            if nic is None:
                continue
            left.remove(nic)
            edit.handled.append(nic)
            text = (
                without_interface(text, interface.name)
                if strip
                else edit_interfaces(text, interface.name, nic)
            )
        used = [nic for _, nic in matched if nic]
        if used:
            edit.write(view, path, text, reason_of(used[0]))
    return edit


def _files(view: GuestView) -> tuple[str, ...]:
    return ((_MAIN,) if view.is_file(_MAIN) else ()) + view.glob("/etc/network/interfaces.d/*")


def parse_stanzas(text: str) -> list[Stanza]:
    """Comments and blank lines stay with the stanza above them."""
    stanzas = [Stanza("")]
    for line in text.splitlines():
        first = line.split(maxsplit=1)[0] if line.strip() else ""
        if first.startswith(_STANZA):
            stanzas.append(Stanza(line))
        else:
            stanzas[-1].body.append(line)
    return stanzas


def _interfaces(stanzas: list[Stanza]) -> tuple[SourceInterface, ...]:
    found: dict[str, str] = {}
    for stanza in stanzas:
        words = stanza.words
        if (
            len(words) >= 4
            and words[0] == "iface"
            and words[1] != "lo"
            and re.fullmatch(r"[A-Za-z0-9_-]+", words[1])
        ):
            pins = [line.split()[-1] for line in stanza.body if line.split()[:1] == ["hwaddress"]]
            found[words[1]] = found.get(words[1]) or (pins[0].lower() if pins else "")
    return tuple(
        SourceInterface(name, mac)
        for name, mac in found.items()
        if not name.startswith(("br", "bond", "vlan"))
    )


def edit_interfaces(text: str, old_name: str, nic: NicPlan) -> str:
    """The file with one interface moved to its new name and, unless kept, its addresses replaced."""
    lines: list[str] = []
    done = False
    for stanza in parse_stanzas(text):
        words = stanza.words
        mine = len(words) >= 4 and words[0] == "iface" and words[1] == old_name
        if mine and nic.mode is not NicMode.KEEP:
            lines += _replaced(stanza, nic) if not done and words[2] == "inet" else _trailer(stanza)
            done = done or words[2] == "inet"
            continue
        lines += [_renamed(stanza.head, old_name, nic.target_name)] if stanza.head else []
        lines += [
            _renamed(line, old_name, nic.target_name) for line in stanza.body if not _is_pin(line, mine=mine)
        ]
    return "\n".join(lines) + "\n"


def without_interface(text: str, name: str) -> str:
    """The file without the interface's own stanzas and start lines."""
    lines: list[str] = []
    for stanza in parse_stanzas(text):
        words = stanza.words
        starts = bool(words) and (words[0] == "auto" or words[0].startswith("allow-"))
        if words[:2] == ["iface", name] or (starts and words[1:] == [name]):
            lines += _trailer(stanza)
        elif starts and name in words:
            lines += [" ".join(word for word in words if word != name), *stanza.body]
        else:
            lines += ([stanza.head] if stanza.head else []) + stanza.body
    return "\n".join(lines) + "\n"


def _is_pin(line: str, *, mine: bool) -> bool:
    return mine and line.split()[:1] == ["hwaddress"]


def _renamed(line: str, old_name: str, new_name: str) -> str:
    if line.lstrip().startswith("#"):
        return line
    return re.sub(rf"(?<![\w.-]){re.escape(old_name)}(?=$|[\s.:])", new_name, line)


def _replaced(stanza: Stanza, nic: NicPlan) -> list[str]:
    if nic.mode is NicMode.DHCP:
        return [f"iface {nic.target_name} inet dhcp", *_trailer(stanza)]
    first, *others = nic.addresses
    lines = [f"iface {nic.target_name} inet static", f"    address {first}"]
    lines += [f"    gateway {nic.gateway}"] if nic.gateway else []
    lines += [f"    dns-nameservers {' '.join(nic.nameservers)}"] if nic.nameservers else []
    for address in others:
        lines += ["", f"iface {nic.target_name} inet static", f"    address {address}"]
    return [*lines, *_trailer(stanza)]


def _trailer(stanza: Stanza) -> list[str]:
    """Blank and comment lines at the end of a stanza belong to what follows."""
    kept: list[str] = []
    for line in reversed(stanza.body):
        if line.strip() and not line.startswith("#"):
            break
        kept.insert(0, line)
    return kept

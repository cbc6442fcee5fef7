"""ifupdown: /etc/network/interfaces and interfaces.d (Debian)."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from v2s_tui.adapters.guest.linux.network.edit import NetworkEdit, reason_of
from v2s_tui.adapters.guest.linux.view import GuestView
from v2s_tui.domain.guest.network import NicMode, NicPlan, SourceInterface, match_nics

_MAIN = "/etc/network/interfaces"
_STANZA = frozenset(
    "iface auto mapping source source-directory no-auto-down no-scripts rename template".split()  # noqa: SIM905
)
_DHCP_CLIENTS = (
    "/sbin/dhclient", "/usr/sbin/dhclient", "/sbin/dhcpcd", "/usr/sbin/dhcpcd", "/sbin/udhcpc",
)  # fmt: skip
_RESOLVER = "/etc/resolv.conf"
_RESOLVCONF = ("/sbin/resolvconf", "/usr/sbin/resolvconf")
_PORTS = ("bond-slaves", "bond_slaves", "slaves", "bridge_ports", "bridge-ports")
_OF_DEVICE = ("bond", "bridge", "slaves", "mtu", "vlan")
"""Options that say what an interface is made of; they stay when its addresses change."""


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


def plan(view: GuestView, nics: tuple[NicPlan, ...], *, strip: Collection[NicPlan] = ()) -> NetworkEdit:
    """Edit every file; one interface may have several stanzas (inet, inet6, aliases, VLANs), in several
    files. A port of a bond or bridge takes the new name only; the addresses are those of its owner.

    strip: plan entries whose interfaces are taken out instead, because another system will configure them.
    """
    edit = NetworkEdit()
    old = {path: view.read_text(path) or "" for path in _files(view)}
    stanzas = [stanza for text in old.values() for stanza in parse_stanzas(text)]
    above, new, readdressed = _owners(stanzas), dict(old), set[str]()
    cards = tuple(each for each in _interfaces(stanzas) if each.name not in above.values())
    for interface, nic in match_nics(cards, nics):
        if nic is None:
            continue
        edit.take(nic, interface.name)
        owner = _top(above, interface.name)
        own = replace(nic, mode=NicMode.KEEP) if owner else nic
        for path, text in new.items():
            if nic in strip:
                new[path] = without_interface(text, interface.name)
                continue
            new[path] = edit_interfaces(text, interface.name, own, family=_family(stanzas, interface.name))
            if owner and owner not in readdressed:
                owned = replace(nic, target_name=owner)
                new[path] = edit_interfaces(new[path], owner, owned, family=_family(stanzas, owner))
        readdressed |= {owner}
    for path, text in new.items():
        if edit.handled and text.splitlines() != old[path].splitlines():
            edit.write(view, path, text, reason_of(edit.handled[0]))
    _edit_resolver(view, edit)
    return edit


def _edit_resolver(view: GuestView, edit: NetworkEdit) -> None:
    """Name servers of static addresses: without resolvconf nobody reads dns-nameservers."""
    servers = [server for nic in edit.handled if nic.mode is NicMode.STATIC for server in nic.nameservers]
    text = view.read_text(_RESOLVER)
    if not servers or text is None or view.link_target(_RESOLVER) is not None:
        return
    if any(view.is_file(path) for path in _RESOLVCONF):
        return
    kept = [line for line in text.splitlines() if line.split()[:1] != ["nameserver"]]
    lines = [*kept, *(f"nameserver {server}" for server in dict.fromkeys(servers))]
    edit.write(view, _RESOLVER, "\n".join(lines) + "\n", "name servers that the plan gives")


def _owners(stanzas: Sequence[Stanza]) -> dict[str, str]:
    """Each port with its bond or bridge."""
    found: dict[str, str] = {}
    for stanza in stanzas:
        if stanza.words[:1] == ["iface"] and len(stanza.words) > 1:
            for key, *values in (line.split() for line in stanza.body if line.strip()):
                if key in _PORTS:
                    found |= dict.fromkeys(values, stanza.words[1])
                elif key in {"bond-master", "bond_master"} and values:
                    found[stanza.words[1]] = values[0]
    return found


def _top(above: Mapping[str, str], name: str) -> str:
    """What has the addresses of a port: its owner, or the owner of that; "" for no port."""
    owner = above.get(name, "")
    return above.get(owner, owner)


def _family(stanzas: Sequence[Stanza], name: str) -> str:
    """The family whose stanza gives way to the new addresses; an interface may have IPv6 only."""
    families = {stanza.words[2] for stanza in stanzas if _is_of(stanza, name)}
    return "inet" if "inet" in families or not families else min(families)


def _is_of(stanza: Stanza, name: str) -> bool:
    return len(stanza.words) >= 4 and stanza.words[:2] == ["iface", name]


def _files(view: GuestView) -> tuple[str, ...]:
    return ((_MAIN,) if view.is_file(_MAIN) else ()) + view.glob("/etc/network/interfaces.d/*")


def parse_stanzas(text: str) -> list[Stanza]:
    """Comments and blank lines stay with the stanza above them."""
    stanzas = [Stanza("")]
    for line in text.splitlines():
        first = line.split(maxsplit=1)[0] if line.strip() else ""
        if first in _STANZA or first.startswith("allow-"):
            stanzas.append(Stanza(line))
        else:
            stanzas[-1].body.append(line)
    return stanzas


def _interfaces(stanzas: Sequence[Stanza]) -> tuple[SourceInterface, ...]:
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


def edit_interfaces(text: str, old_name: str, nic: NicPlan, *, family: str = "inet") -> str:
    """The file with one interface moved to its new name and, unless kept, its addresses replaced.

    family: the first stanza of this one is replaced, all others go.
    """
    lines: list[str] = []
    done = False
    for stanza in parse_stanzas(text):
        mine = _is_of(stanza, old_name)
        if mine and nic.mode is not NicMode.KEEP:
            fits = stanza.words[2] == family
            lines += _replaced(stanza, nic) if not done and fits else _trailer(stanza)
            done = done or fits
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
    made_of = [line for line in stanza.body if line.split()[:1] and line.split()[0].startswith(_OF_DEVICE)]
    if nic.mode is NicMode.DHCP:
        return [f"iface {nic.target_name} inet dhcp", *made_of, *_trailer(stanza)]
    first, *others = nic.addresses
    lines = [f"iface {nic.target_name} inet static", f"    address {first}", *made_of]
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

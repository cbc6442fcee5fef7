"""netplan: /etc/netplan/*.yaml (Ubuntu)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml

from v2s_tui.adapters.guest.linux.network.edit import NetworkEdit, reason_of
from v2s_tui.adapters.guest.linux.view import GuestView
from v2s_tui.domain.guest.network import NicMode, NicPlan, SourceInterface, match_nics

_MAX_BYTES = 256 * 1024
_ADDRESS_KEYS = (
    "addresses", "gateway4", "gateway6", "routes", "nameservers", "dhcp4", "dhcp6", "routing-policy",
    "dhcp4-overrides", "dhcp6-overrides", "macaddress",
)  # fmt: skip
_OWNERS = ("bonds", "bridges")
NEW_FILE = "/etc/netplan/90-v2s.yaml"


def is_used(view: GuestView) -> bool:
    """True when the guest is configured by netplan."""
    return bool(view.glob("/etc/netplan/*.yaml"))


def plan(view: GuestView, nics: tuple[NicPlan, ...]) -> NetworkEdit:
    """Edit every file; a file that is no valid YAML is left and reported.

    netplan merges its files, so an interface may be described by several: it is matched once and edited in
    all of them. A port of a bond or bridge takes the new name only; the addresses are those of its owner.
    """
    edit = NetworkEdit()
    paths = view.glob("/etc/netplan/*.yaml")
    documents = {path: found for path in paths if (found := _load(view, path, edit)) is not None}
    choice = _choose(tuple(documents.values()), nics)
    for name, nic in choice.cards.items():
        edit.take(nic, name)
    for path, document in documents.items():
        new = edit_document(document, choice)
        if new != document:
            names = [name for name in choice.cards if name in _section(document, "ethernets")]
            reason = reason_of(choice.cards[names[0]]) if names else "interface names of the new machine"
            edit.write(view, path, dump(new), reason, mode=0o600)
    return edit


@dataclass(frozen=True, slots=True)
class Choice:
    """What is done to each interface. cards: by the name of an Ethernet card in the files. owners: bonds and
    bridges that get the addresses of their ports' plan. ports: cards that have an owner.

    by_driver: the machine has one NIC, so it is matched by driver, which no name change can break.
    """

    cards: dict[str, NicPlan]
    owners: dict[str, NicPlan] = field(default_factory=dict)
    ports: frozenset[str] = frozenset()
    by_driver: bool = False


def _choose(documents: Sequence[dict[str, Any]], nics: tuple[NicPlan, ...]) -> Choice:
    bodies: dict[str, dict[str, Any]] = {}
    for document in documents:
        for name, body in _section(document, "ethernets").items():
            bodies[name] = bodies.get(name, {}) | body
    interfaces = tuple(SourceInterface(_name(name, body), _mac(body)) for name, body in bodies.items())
    matched = zip(bodies, match_nics(interfaces, nics), strict=True)
    cards = {name: nic for name, (_, nic) in matched if nic is not None}
    above = {port: owner for document in documents for port, owner in _owned(document)}
    owners: dict[str, NicPlan] = {}
    for name, nic in cards.items():
        if name in above and nic.mode is not NicMode.KEEP:
            owners.setdefault(above.get(above[name], above[name]), nic)
    by_driver = len(nics) == 1 and not any(_by_network_manager(document) for document in documents)
    return Choice(cards, owners, frozenset(above), by_driver)


def _section(document: dict[str, Any], kind: str) -> dict[str, dict[str, Any]]:
    """Interfaces of one kind that are described at all."""
    found = document["network"].get(kind)
    known = found.items() if isinstance(found, dict) else ()
    return {str(name): body for name, body in known if isinstance(body, dict)}


def _owned(document: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Each port with its bond or bridge."""
    for kind in _OWNERS:
        for owner, body in _section(document, kind).items():
            ports = body.get("interfaces")
            yield from ((str(port), owner) for port in (ports if isinstance(ports, list) else ()))


def _by_network_manager(document: dict[str, Any]) -> bool:
    """netplan before 0.104 refuses a match by driver for NetworkManager, and with it the whole network."""
    return bool(document["network"].get("renderer") == "NetworkManager")


def _load(view: GuestView, path: str, edit: NetworkEdit) -> dict[str, Any] | None:
    raw = view.read_bytes(path, limit_bytes=_MAX_BYTES)
    try:
        document = yaml.safe_load(raw) if raw is not None else None
    except (yaml.YAMLError, ValueError, RecursionError):
        edit.warnings.append(f"{path} is no valid YAML and was left as it is")
        return None
    return document if isinstance(document, dict) and isinstance(document.get("network"), dict) else None


def dump(document: dict[str, Any]) -> str:
    """As netplan files are written by hand: block style, keys in their order."""
    return "# Edited by v2s.\n" + yaml.safe_dump(document, sort_keys=False, default_flow_style=False)


def edit_document(document: dict[str, Any], choice: Choice) -> dict[str, Any]:
    """The document with its ethernets edited and references to them renamed."""
    network: dict[str, Any] = dict(document["network"])
    renamed = {name: nic.target_name for name, nic in choice.cards.items()}
    if isinstance(network.get("ethernets"), dict):
        network["ethernets"] = {
            renamed.get(str(name), name): _edited(body, str(name), choice)
            for name, body in network["ethernets"].items()
        }
    for kind in ("vlans", *_OWNERS):
        if isinstance(network.get(kind), dict):
            network[kind] = {
                name: _relinked(_readdressed(body, choice.owners.get(str(name))), renamed)
                for name, body in network[kind].items()
            }
    return {**document, "network": network}


def _name(name: str, body: dict[str, Any]) -> str:
    return str(body.get("set-name") or name)


def _mac(body: dict[str, Any]) -> str:
    match = body.get("match")
    return str(match.get("macaddress", "")).lower() if isinstance(match, dict) else ""


def _edited(body: Any, name: str, choice: Choice) -> Any:
    nic = choice.cards.get(name)
    if nic is None or not isinstance(body, dict):
        return body
    kept = {key: value for key, value in body.items() if key not in {"match", "set-name", "macaddress"}}
    match = {"match": {"driver": "virtio_net"}} if choice.by_driver else {}
    return {**match, **(kept if name in choice.ports else _readdressed(kept, nic))}


def _readdressed(body: Any, nic: NicPlan | None) -> Any:
    if nic is None or nic.mode is NicMode.KEEP or not isinstance(body, dict):
        return body
    return {key: value for key, value in body.items() if key not in _ADDRESS_KEYS} | _addressing(nic)


def _addressing(nic: NicPlan) -> dict[str, Any]:
    if nic.mode is NicMode.DHCP:
        return {"dhcp4": True}
    addressing: dict[str, Any] = {"dhcp4": False, "addresses": list(nic.addresses)}
    if nic.gateway:
        addressing["routes"] = [{"to": "default", "via": nic.gateway}]
    if nic.nameservers:
        addressing["nameservers"] = {"addresses": list(nic.nameservers)}
    return addressing


def _relinked(body: Any, renamed: dict[str, str]) -> Any:
    if not isinstance(body, dict):
        return body
    new = dict(body)
    if isinstance(new.get("link"), str):
        new["link"] = renamed.get(new["link"], new["link"])
    if isinstance(new.get("interfaces"), list):
        new["interfaces"] = [
            renamed.get(each, each) if isinstance(each, str) else each for each in new["interfaces"]
        ]
    return new

"""netplan: /etc/netplan/*.yaml (Ubuntu)."""

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
NEW_FILE = "/etc/netplan/90-v2s.yaml"


def is_used(view: GuestView) -> bool:
    """True when the guest is configured by netplan."""
    return bool(view.glob("/etc/netplan/*.yaml"))


def plan(view: GuestView, nics: tuple[NicPlan, ...]) -> NetworkEdit:
    """Edit every file; a file that is no valid YAML is left and reported."""
    edit, left = NetworkEdit(), list(nics)
    for path in view.glob("/etc/netplan/*.yaml"):
        document = _load(view, path, edit)
        if document is None:
            continue
        new, used = edit_document(document, tuple(left), single=len(nics) == 1)
        left = [nic for nic in left if nic not in used]
        edit.handled += used
        if new != document:
            reason = reason_of(used[0]) if used else "interface names of the new machine"
            edit.write(view, path, dump(new), reason, mode=0o600)
    return edit


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


def edit_document(
    document: dict[str, Any], nics: tuple[NicPlan, ...], *, single: bool
) -> tuple[dict[str, Any], list[NicPlan]]:
    """The document with its ethernets edited and references to them renamed, and the plan entries used.

    single: the machine has one NIC, so it is matched by driver, which no name change can break.
    """
    network: dict[str, Any] = dict(document["network"])
    ethernets = network.get("ethernets")
    if not isinstance(ethernets, dict):
        return document, []
    named = {str(name): body for name, body in ethernets.items() if isinstance(body, dict)}
    interfaces = tuple(SourceInterface(_name(name, body), _mac(body)) for name, body in named.items())
    matched = match_nics(interfaces, nics)
    renamed: dict[str, str] = {}
    edited: dict[str, Any] = {}
    for (name, body), (_, nic) in zip(named.items(), matched, strict=True):
        new_name = nic.target_name if nic else name
        renamed[name] = new_name
        edited[new_name] = _edited(body, nic, single=single) if nic else body
    network["ethernets"] = edited
    for kind in ("vlans", "bonds", "bridges"):
        if isinstance(network.get(kind), dict):
            network[kind] = {name: _relinked(body, renamed) for name, body in network[kind].items()}
    return {**document, "network": network}, [nic for _, nic in matched if nic]


def _name(name: str, body: dict[str, Any]) -> str:
    return str(body.get("set-name") or name)


def _mac(body: dict[str, Any]) -> str:
    match = body.get("match")
    return str(match.get("macaddress", "")).lower() if isinstance(match, dict) else ""


def _edited(body: dict[str, Any], nic: NicPlan, *, single: bool) -> dict[str, Any]:
    kept = {key: value for key, value in body.items() if key not in {"match", "set-name", "macaddress"}}
    match = {"match": {"driver": "virtio_net"}} if single else {"match": {"name": nic.target_name}}
    if nic.mode is NicMode.KEEP:
        return {**match, **kept}
    rest = {key: value for key, value in kept.items() if key not in _ADDRESS_KEYS}
    return {**match, **rest, **_addressing(nic)}


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

"""What a batch made at Scaleway as OpenTofu/Terraform import blocks, so that it can be kept as code.

Pure: what each wave made in, text out. `tofu plan -generate-config-out=generated.tf` writes the
configuration from these blocks. Ids are those of the provider: `zone/id`, for a private NIC
`zone/server/nic`, for an address and a Private Network `region/id`.
"""

import re
from collections.abc import Collection, Iterable, Mapping

from v2s_tui.domain.execution.ledger import Effect, EffectKind
from v2s_tui.domain.hand_over import MadeByWave

RESOURCE_OF_KIND: Mapping[EffectKind, str] = {
    EffectKind.PRIVATE_NETWORK: "scaleway_vpc_private_network",
    EffectKind.INSTANCE: "scaleway_instance_server",
    EffectKind.VOLUME: "scaleway_block_volume",
    EffectKind.IP: "scaleway_instance_ip",
    EffectKind.PRIVATE_NIC: "scaleway_instance_private_nic",
    EffectKind.ADDRESS: "scaleway_ipam_ip",
    EffectKind.IMAGE: "scaleway_instance_image",
    EffectKind.BLOCK_SNAPSHOT: "scaleway_block_snapshot",
}


def import_blocks(waves: Iterable[MadeByWave], *, title: str = "", only: Collection[int] = ()) -> str:
    """One block for each thing that exists, by wave and VM; "" when there is none. title: first comment.

    only: numbers of the waves to write, empty for all. A wave's addresses are the same, written alone or not.
    """
    taken: set[str] = set()
    parts = [(wave.number, _wave(wave, taken)) for wave in waves]
    written = [text for number, text in parts if text and (not only or number in only)]
    head = f"# {_comment(title)}\n\n" if title and written else ""
    return head + "\n".join(written)


def _wave(wave: MadeByWave, taken: set[str]) -> str:
    by_vm: dict[str, list[Effect]] = {}
    for effect in wave.effects:
        if effect.kind in RESOURCE_OF_KIND:
            by_vm.setdefault(effect.vm_name, []).append(effect)
    groups = [_group(vm_name, effects, taken) for vm_name, effects in by_vm.items()]
    return f"# ---- {_comment(wave.title)} ----\n\n" + "\n".join(groups) if groups else ""


def _group(vm_name: str, effects: list[Effect], taken: set[str]) -> str:
    order = list(RESOURCE_OF_KIND)
    ordered = sorted(effects, key=lambda each: (order.index(each.kind), each.tag))
    blocks = "\n".join(_block(vm_name, each, taken) for each in ordered)
    return f"# {_comment(vm_name or 'shared by the VMs of the batch')}\n{blocks}"


def _block(vm_name: str, effect: Effect, taken: set[str]) -> str:
    address = _unique(f"{RESOURCE_OF_KIND[effect.kind]}.{_label(vm_name, effect)}", taken)
    return f'import {{\n  to = {address}\n  id = "{_quoted(f"{effect.where}/{effect.resource_id}")}"\n}}\n'


def _label(vm_name: str, effect: Effect) -> str:
    """`web_01`, and for its parts `web_01_disk_0`: letters, digits and underscores, no digit first."""
    part = effect.tag.rpartition(":")[2]
    name = vm_name if part in {"server", "image", "ip"} else f"{vm_name}_{part}"
    label = re.sub(r"[^a-z0-9]+", "_", name.casefold()).strip("_")
    return label if label[:1].isalpha() else f"vm_{label}"


def _unique(address: str, taken: set[str]) -> str:
    candidate, number = address, 2
    while candidate in taken:
        candidate, number = f"{address}_{number}", number + 1
    taken.add(candidate)
    return candidate


def _quoted(text: str) -> str:
    """Inside a quoted HCL string: quotes, backslashes and templates lose their meaning."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return escaped.replace("${", "$${").replace("%{", "%%{")


def _comment(text: str) -> str:
    return re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+", " ", text)

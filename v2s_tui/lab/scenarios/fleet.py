"""Fleets of any size drawn from a seed: the same seed gives the same VMs; more VMs never change the first.

Disks are large to look at and almost empty, so that one small machine can really migrate a thousand VMs.
"""

import random
from collections.abc import Iterator, Sequence

from v2s_tui.lab.scenarios.document import DiskDocument, HostDocument, VmDocument

_ROLES = ("web", "app", "db", "cache", "batch", "mq", "proxy", "files", "ci", "mon")
_ENVIRONMENTS = (("prod", "Production"), ("dev", "Development"), ("test", "Test"))
_LINUX = (
    ("debian12_64Guest", "Debian GNU/Linux 12 (64-bit)"),
    ("debian11_64Guest", "Debian GNU/Linux 11 (64-bit)"),
    ("ubuntu64Guest", "Ubuntu Linux (64-bit)"),
    ("rhel9_64Guest", "Red Hat Enterprise Linux 9 (64-bit)"),
    ("sles15_64Guest", "SUSE Linux Enterprise 15 (64-bit)"),
)
_WINDOWS = (
    ("windows2019srv_64Guest", "Microsoft Windows Server 2019 (64-bit)"),
    ("windows2019srvNext_64Guest", "Microsoft Windows Server 2022 (64-bit)"),
)


def generate_vms(
    count: int, *, seed: int, hosts: Sequence[HostDocument], networks: Sequence[str]
) -> Iterator[VmDocument]:
    """Draw so many VMs, spread over the hosts."""
    for index in range(count):
        yield _vm(index, random.Random(f"fleet:{seed}:{index}"), hosts, networks)


def _vm(index: int, rng: random.Random, hosts: Sequence[HostDocument], networks: Sequence[str]) -> VmDocument:
    short, folder_name = rng.choices(_ENVIRONMENTS, weights=(5, 3, 2))[0]
    windows = rng.random() < 0.2
    role = rng.choice(_ROLES)
    host = hosts[index % len(hosts)]
    guest_id, guest_full_name = rng.choice(_WINDOWS if windows else _LINUX)
    prefix = "win-" if windows else ""
    folder = f"/{host.datacenter}/{folder_name}" + ("/Windows" if windows else "")
    return VmDocument(
        name=f"{prefix}{role}-{short}-{index + 1:05d}",
        folder=folder,
        host=host.name,
        guest_id=guest_id,
        guest_full_name=guest_full_name,
        firmware="efi" if rng.random() < 0.4 else "bios",
        power="poweredOn" if rng.random() < 0.8 else "poweredOff",
        cpu=rng.choices((1, 2, 4, 8, 16), weights=(10, 45, 30, 12, 3))[0],
        memory_mb=rng.choices((1024, 2048, 4096, 8192, 16384, 32768), weights=(5, 25, 35, 20, 10, 5))[0],
        disks=tuple(_disk(rng) for _ in range(3 if role == "db" else rng.choices((1, 2), weights=(4, 1))[0])),
        networks=(rng.choice(networks),),
        tags=(f"env:{short}", f"role:{role}"),
        snapshots=("before patching",) if rng.random() < 0.02 else (),
        tools="guestToolsNotRunning" if rng.random() < 0.02 else "guestToolsRunning",
    )


def _disk(rng: random.Random) -> DiskDocument:
    return DiskDocument(
        size_gib=rng.choice((4, 8, 16, 20, 40)), content="random", payload_mib=rng.choice((0.125, 0.25, 0.5))
    )

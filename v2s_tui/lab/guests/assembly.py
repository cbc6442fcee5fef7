"""What a small guest needs in its initramfs to put its root together: LVM's or md's own program, with its
libraries, taken from this host, and the drivers of the device mapper or of md.
"""

import gzip
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from v2s_tui.lab.guests.contents import newc_archive
from v2s_tui.lab.guests.init_scripts import INITRAMFS_INIT
from v2s_tui.lab.guests.packages import GuestParts, PackageMissing, run

_LOOP = "while [ $try -lt 40 ]; do\n"
_LVM_CONFIGURATION = """devices { obtain_device_list_from_udev=0 external_device_info_source="none" }
activation { udev_sync=0 udev_rules=0 }
global { use_lvmpolld=0 }
"""


@dataclass(frozen=True, slots=True)
class Assembly:
    """program: found on this host. modules: with what they depend on. command: tried until the root is
    there. files: configuration by path.
    """

    program: str
    modules: tuple[str, ...]
    command: str
    files: dict[str, str]


LVM = Assembly(
    "lvm",
    ("kernel/drivers/md/dm-mod.ko",),
    "mkdir -p /run/lvm /run/lock; lvm vgchange -ay >/dev/null 2>&1",
    {"etc/lvm/lvm.conf": _LVM_CONFIGURATION},
)
MD = Assembly(
    "mdadm",
    ("kernel/drivers/md/md-mod.ko", "kernel/drivers/md/raid1.ko"),
    "mdadm --assemble --scan --run >/dev/null 2>&1",
    {},
)


def add_assembly(root: Path, parts: GuestParts, assembly: Assembly, *, configuration: dict[str, str]) -> None:
    """Give a filled root folder the drivers, and its initramfs a further archive that puts the root together.

    configuration: more files of the initramfs, such as mdadm.conf.
    """
    modules = root / "lib/modules" / parts.kernel_version
    for path in assembly.modules:
        (modules / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(parts.modules / path, modules / path)
    run(["depmod", "-b", str(root), parts.kernel_version])
    dracut = (root / "etc/dracut.conf.d").is_dir()
    library = "usr/lib" if dracut else "lib"
    base = f"{library}/modules/{parts.kernel_version}"
    files = {f"{base}/{path}": (modules / path).read_bytes() for path in (*assembly.modules, "modules.dep")}
    files |= {path: text.encode() for path, text in {**assembly.files, **configuration}.items()}
    names = "".join(f"{re.sub(r'.*/|[.]ko$', '', path)}\n" for path in assembly.modules)
    files["etc/modules-load.d/storage.conf"] = names.encode()
    files |= {f"{library}/{path.name}": path.read_bytes() for path in _libraries(assembly.program)}
    members = {path: (0o100644, content) for path, content in files.items()}
    members["lib64/ld-linux-x86-64.so.2"] = (0o100755, Path("/lib64/ld-linux-x86-64.so.2").read_bytes())
    members[f"bin/{assembly.program}"] = (0o100755, _program(assembly.program).read_bytes())
    members["init"] = (0o100755, _init(assembly.command).encode())
    with (root / f"boot/initrd.img-{parts.kernel_version}").open("ab") as image:
        image.write(bytes(-image.tell() % 4) + gzip.compress(newc_archive(members), 6, mtime=0))


def _init(command: str) -> str:
    """The initramfs' own script, which now assembles before it looks for the root."""
    script = INITRAMFS_INIT.replace(_LOOP, f"{_LOOP}    {command}\n")
    if script == INITRAMFS_INIT:
        raise RuntimeError("the script of the initramfs has no loop that waits for the root")
    return script


def _program(name: str) -> Path:
    found = shutil.which(name, path="/usr/sbin:/sbin:/usr/bin:/bin")
    if found is None:
        raise PackageMissing(f"{name} is not installed; install lvm2 and mdadm")
    return Path(found)


def _libraries(name: str) -> list[Path]:
    """Shared libraries of a program, the loader left out."""
    listing = run(["ldd", str(_program(name))])
    return [Path(path) for path in re.findall(r"=> (/\S+)", listing)]

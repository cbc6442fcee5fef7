"""The guest's own program that keeps the menu on the ESP in step with its kernels, run by a real shell."""

import subprocess
from pathlib import Path

from fakes.guest_files import TextFiles

from v2s_tui.adapters.guest.boot.esp_config import esp_grub_config
from v2s_tui.adapters.guest.linux.kernel_hook import PROGRAM, plan_kernel_hook
from v2s_tui.domain.guest.facts import BootEntry, BootFacts

BOOT = BootFacts("bios", "boot-uuid", "ext4", "/grub2/grub.cfg", bls=True, default_entry=None)
OLD = BootEntry(
    "Rocky 5.14.0-1", "/vmlinuz-5.14.0-1", ("/initramfs-5.14.0-1.img",), "root=UUID=r ro console=ttyS0"
)


def guest(folder: Path) -> Path:
    """A guest's /boot with its ESP mounted, two kernels and the options in grubenv."""
    entries = folder / "boot/loader/entries"
    entries.mkdir(parents=True)
    for version in ("5.14.0-1", "5.14.0-10"):
        text = f"title Rocky {version}\nversion {version}\nlinux /vmlinuz-{version}\n"
        text += f"initrd /initramfs-{version}.img $tuned_initrd\noptions $kernelopts $tuned_params; reboot\n"
        (entries / f"m-{version}.conf").write_text(text)
    (folder / "boot/grub2").mkdir()
    environment = (
        "# GRUB Environment Block\nsaved_entry=m-5.14.0-10\nkernelopts=root=UUID=r ro console=ttyS0\n"
    )
    (folder / "boot/grub2/grubenv").write_text(environment)
    menu = folder / "boot/efi/EFI/BOOT/grub.cfg"
    menu.parent.mkdir(parents=True)
    menu.write_text(esp_grub_config(BOOT, (OLD,), lambda _: None, root="UUID=r", jump=False))
    return menu


def run(folder: Path) -> None:
    """The program with the guest's paths below a folder."""
    script = next(change for change in plan_kernel_hook(TextFiles({})) if change.path == PROGRAM)
    text = script.content.decode().replace("/boot/", f"{folder}/boot/")
    subprocess.run(["sh", "-c", text], check=True, timeout=20)


def test_a_new_kernel_is_booted_first(tmp_path: Path) -> None:
    menu = guest(tmp_path)
    before = menu.read_text()
    run(tmp_path)
    after = menu.read_text()
    assert after.startswith(before[: before.index("menuentry")])
    assert after.count("menuentry") == 2
    first = after[after.index("menuentry") :]
    assert first.startswith(
        'menuentry "Rocky 5.14.0-10" {\n    linux ($root)/vmlinuz-5.14.0-10 root=UUID=r ro'
    )
    assert "initrd ($root)/initramfs-5.14.0-10.img\n" in first
    assert "\\; reboot" in first
    assert "$kernelopts" not in after


def test_options_are_found_in_grub_cfg_where_grubenv_has_none(tmp_path: Path) -> None:
    menu = guest(tmp_path)
    folder = tmp_path / "boot/grub2"
    (folder / "grubenv").write_text("# GRUB Environment Block\nsaved_entry=m-5.14.0-10\n")
    variable = 'if [ -z "${kernelopts}" ]; then\n  set kernelopts="root=UUID=r ro audit=1"\nfi\n'
    (folder / "grub.cfg").write_text(f"set default=0\n{variable}blscfg\n")
    run(tmp_path)
    assert "vmlinuz-5.14.0-10 root=UUID=r ro audit=1" in menu.read_text()


def test_a_loader_that_is_not_ours_is_left_alone(tmp_path: Path) -> None:
    menu = guest(tmp_path)
    menu.write_text("# the distribution's own\n")
    run(tmp_path)
    assert menu.read_text() == "# the distribution's own\n"


def test_without_entries_the_old_menu_stays(tmp_path: Path) -> None:
    menu = guest(tmp_path)
    before = menu.read_text()
    for entry in (tmp_path / "boot/loader/entries").iterdir():
        entry.write_text("title broken\n")
    run(tmp_path)
    assert menu.read_text() == before

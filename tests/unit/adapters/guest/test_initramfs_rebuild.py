"""An initramfs rebuilt by the guest's own tool: which command for which family, and what is refused."""

import gzip
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from fakes.guest_files import TextFiles
from test_guest_planner import FACTS

from v2s_tui.adapters.guest.initramfs.audit import InitramfsFacts
from v2s_tui.adapters.guest.initramfs.cpio import write_archive
from v2s_tui.adapters.guest.initramfs.planning import plan_initramfs
from v2s_tui.adapters.guest.initramfs.rebuild import NEW_IMAGE, REBUILD_SECONDS, rebuild
from v2s_tui.adapters.guest.linux.initramfs_config import plan_initramfs_config
from v2s_tui.domain.errors import Cancelled, ToolError, V2sError
from v2s_tui.domain.guest.changes import Change, ChangeKind, ChangeRecord, InitramfsMode
from v2s_tui.domain.guest.facts import KernelFacts
from v2s_tui.domain.guest.plan import file_step
from v2s_tui.domain.guest.refusals import GuestRefused

MIB = 1024**2
DRIVERS = ("virtio_pci", "virtio_scsi", "virtio_blk", "virtio_net", "sd_mod")
KERNEL = KernelFacts("6.1", "/boot/vmlinuz-6.1", "/boot/initrd.img-6.1", "", ("virtio_scsi",), ())
MODULES = {"/lib/modules/6.1/modules.dep": "".join(f"kernel/{name}.ko:\n" for name in DRIVERS)}
DEBIAN = {"/usr/sbin/mkinitramfs": "#!/bin/sh\n"}
RHEL = {"/usr/bin/dracut": "#!/bin/bash\n"}
RHEL_6 = {"/sbin/dracut": "#!/bin/bash\n", "/usr/share/dracut/modules.d/00dash/install": ""}
SLES_11 = {"/sbin/mkinitrd": "#!/bin/bash\n", "/lib/mkinitrd/scripts/boot-start.sh": ""}
ADD = ("--add-drivers", " ".join(DRIVERS))


def image(*drivers: str) -> bytes:
    return gzip.compress(write_archive({f"lib/modules/6.1/kernel/{name}.ko": b"\x7fELF" for name in drivers}))


class GuestThatRuns(TextFiles):
    """prints: what the tool prints, None for its success. makes: the drivers in what it makes."""

    def __init__(
        self,
        files: dict[str, str | bytes],
        *,
        prints: str = "exit status 0\n",
        makes: Sequence[str] = DRIVERS,
    ) -> None:
        super().__init__({**MODULES, KERNEL.initramfs_path: image("sd_mod"), **files})
        self.prints, self.makes = prints, makes
        self.ran: list[list[str]] = []

    def run(self, arguments: Sequence[str], *, wait_seconds: float) -> str:
        assert wait_seconds > REBUILD_SECONDS, "the guest's own limit comes first: it keeps the output"
        self.ran.append(list(arguments))
        self.files[NEW_IMAGE] = image(*self.makes)
        return self.prints

    def replace(self, path: str, source: str, reason: str) -> ChangeRecord:
        self.files[path] = self.files.pop(source)
        return ChangeRecord(ChangeKind.REBUILD, path, reason, existed=True)

    def download(self, path: str, target: Path, *, limit_bytes: int) -> bool:
        content = self.read_bytes(path, limit_bytes=limit_bytes)
        target.write_bytes(content or b"")
        return content is not None

    def size_bytes(self, path: str) -> int:
        return len(self.read_bytes(path) or b"")


def planned(
    guest: GuestThatRuns,
    mode: InitramfsMode = InitramfsMode.REBUILD,
    *,
    kind: str = "other",
    compression: str = "gzip",
    free_bytes: int = 100 * MIB,
) -> tuple[Change, ...]:
    facts = replace(FACTS, kernels=(KERNEL,), free_root_bytes=free_bytes, free_boot_bytes=free_bytes)
    audit = InitramfsFacts(frozenset({"sd_mod"}), kind, compression, merged_usr=True)
    return plan_initramfs(guest, facts, {"6.1": audit}, mode).changes


@pytest.mark.parametrize(
    ("files", "kind", "command"),
    [
        (DEBIAN, "initramfs-tools", ("/usr/sbin/mkinitramfs", "-o", NEW_IMAGE, "6.1")),
        (RHEL, "dracut", ("/usr/bin/dracut", "--force", "--no-hostonly", *ADD, NEW_IMAGE, "6.1")),
        (RHEL_6, "dracut", ("/sbin/dracut", "--force", *ADD, NEW_IMAGE, "6.1")),
        (SLES_11, "other", ("/sbin/mkinitrd", "-k", "/boot/vmlinuz-6.1", "-i", NEW_IMAGE)),
        (DEBIAN | RHEL, "initramfs-tools", ("/usr/sbin/mkinitramfs", "-o", NEW_IMAGE, "6.1")),
        (DEBIAN | RHEL, "dracut", ("/usr/bin/dracut", "--force", "--no-hostonly", *ADD, NEW_IMAGE, "6.1")),
    ],
    ids=["debian", "rhel", "rhel-6", "sles-11", "both-initramfs-tools", "both-dracut"],
)
def test_each_family_has_its_command(
    files: dict[str, str | bytes], kind: str, command: tuple[str, ...], tmp_path: Path
) -> None:
    guest = GuestThatRuns(files)
    (change,) = planned(guest, kind=kind)
    assert (change.kind, change.path, change.command) == (ChangeKind.REBUILD, KERNEL.initramfs_path, command)
    shown = file_step("adapt_guest", change)
    assert (shown.action, shown.target) == ("rebuild", KERNEL.initramfs_path)
    assert shown.reason.endswith(f"made anew by the guest's {Path(command[0]).name}")
    record = rebuild(guest, change, KERNEL, scratch=tmp_path)
    assert record.path == KERNEL.initramfs_path
    assert guest.files[KERNEL.initramfs_path] == image(*DRIVERS)
    assert tuple(guest.ran[0][-len(command) :]) == command


def test_the_default_runs_nothing_of_the_guest() -> None:
    (change,) = planned(
        GuestThatRuns({"/lib/modules/6.1/kernel/virtio_scsi.ko": b"\x7fELF"}), InitramfsMode.OVERLAY
    )
    assert (change.kind, change.command) == (ChangeKind.APPEND, ())


@pytest.mark.parametrize("files", [{}, {"/sbin/mkinitrd": "a wrapper elsewhere\n"}], ids=["none", "not-suse"])
def test_a_guest_without_a_tool_is_refused(files: dict[str, str | bytes]) -> None:
    with pytest.raises(GuestRefused, match="no tool to rebuild it") as refused:
        planned(GuestThatRuns(files))
    assert "initramfs: overlay" in refused.value.hint


def test_a_guest_without_room_for_it_is_refused() -> None:
    with pytest.raises(GuestRefused, match=r"/ has 0 MiB free, a rebuild .*; /boot has 0 MiB"):
        planned(GuestThatRuns(DEBIAN), free_bytes=100)


def test_what_no_archive_can_be_appended_to_can_be_rebuilt() -> None:
    old = replace(KERNEL, version="4.19")
    facts = replace(FACTS, kernels=(old,), free_root_bytes=100 * MIB, free_boot_bytes=100 * MIB)
    audits = {"4.19": InitramfsFacts(frozenset(), "initramfs-tools", "lz4", merged_usr=True)}
    with pytest.raises(V2sError, match="initramfs: rebuild"):
        plan_initramfs(GuestThatRuns(DEBIAN), facts, audits, InitramfsMode.OVERLAY)
    (change,) = plan_initramfs(GuestThatRuns(DEBIAN), facts, audits, InitramfsMode.REBUILD).changes
    assert change.command[-1] == "4.19"


@pytest.mark.parametrize(
    ("prints", "says"),
    [
        ("E: busybox is required\nexit status 1\n", "exit status 1"),
        ("/usr/sbin/mkinitramfs: not found\nexit status 127\n", "exit status 127"),
        ("working on it\nexit status 124\n", "longer than 900 s"),
        ("Terminated\nexit status 143\n", "longer than 900 s"),
        ("", "exit status"),
        ("killed by somebody", "exit status"),
    ],
)
def test_a_tool_that_fails_leaves_the_old_one_and_its_last_words(
    prints: str, says: str, tmp_path: Path
) -> None:
    guest = GuestThatRuns(DEBIAN, prints=prints)
    (change,) = planned(guest)
    with pytest.raises(ToolError, match=says) as failed:
        rebuild(guest, change, KERNEL, scratch=tmp_path)
    assert "initramfs: overlay" in failed.value.hint
    assert failed.value.command == f"/usr/sbin/mkinitramfs -o {NEW_IMAGE} 6.1"
    assert failed.value.stderr_tail == prints.partition("\nexit")[0] * ("\n" in prints)
    assert guest.files[KERNEL.initramfs_path] == image("sd_mod")


def test_what_the_tool_made_is_audited_before_it_counts(tmp_path: Path) -> None:
    guest = GuestThatRuns(DEBIAN, prints="W: no virtio\nexit status 0\n", makes=("virtio_pci", "sd_mod"))
    (change,) = planned(guest)
    with pytest.raises(ToolError, match="lacks virtio_scsi, virtio_blk, virtio_net") as failed:
        rebuild(guest, change, KERNEL, scratch=tmp_path)
    assert failed.value.stderr_tail == "W: no virtio"
    assert guest.files[KERNEL.initramfs_path] == image("sd_mod")


@pytest.mark.parametrize("foreign", [True, False])
def test_a_guest_whose_programs_do_not_run_here_says_so(foreign: bool, tmp_path: Path) -> None:
    class Foreign(GuestThatRuns):
        def run(self, arguments: Sequence[str], *, wait_seconds: float) -> str:
            if not foreign:
                raise Cancelled("guest adaptation was stopped")
            raise ToolError("exec format error", command="", exit_code=None, stderr_tail="guestfsd: no")

    guest = Foreign(DEBIAN)
    (change,) = planned(guest)
    with pytest.raises(ToolError if foreign else Cancelled) as failed:
        rebuild(guest, change, KERNEL, scratch=tmp_path)
    if foreign:
        assert "cannot run here: exec format error" in str(failed.value)
        assert "initramfs: overlay" in failed.value.hint


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            'A="x"\nINITRD_MODULES="vmw_pvscsi sd_mod"\n',
            f'A="x"\nINITRD_MODULES="vmw_pvscsi sd_mod {" ".join(DRIVERS[:4])}"\n',
        ),
        ('INITRD_MODULES=""\n', f'INITRD_MODULES="{" ".join(DRIVERS)}"\n'),
        ("# INITRD_MODULES\n", None),
    ],
)
def test_later_kernels_of_suse_before_dracut_get_the_drivers(before: str, after: str | None) -> None:
    changes = plan_initramfs_config(TextFiles({"/etc/sysconfig/kernel": before}))
    assert [change.content.decode() for change in changes] == ([after] if after else [])
    if after:
        assert plan_initramfs_config(TextFiles({"/etc/sysconfig/kernel": after})) == ()

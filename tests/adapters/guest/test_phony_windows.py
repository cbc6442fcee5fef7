"""Windows as data: real hives and a real ESP, changed offline. That Windows boots is not shown."""

import struct
import subprocess
import threading
import uuid
from pathlib import Path

import pytest
from guest_rehearsals import MIB, overlay_of

from v2s_tui.adapters.guest.adapt import AdaptRequest
from v2s_tui.adapters.guest.appliance import ApplianceSettings
from v2s_tui.adapters.guest.plan_guest import plan_guest
from v2s_tui.adapters.guest.session import GuestSession
from v2s_tui.adapters.guest.virt_v2v import DATA_VARIABLE, program_missing, run_virt_v2v
from v2s_tui.adapters.guest.windows.adapt import clean_tools, fix_bootloader, inject_virtio
from v2s_tui.adapters.guest.windows.boot_store import STORE_PATH
from v2s_tui.adapters.guest.windows.inspection import BITLOCKER
from v2s_tui.adapters.guest.windows.plan import NOT_BOOTED
from v2s_tui.adapters.guest.windows.planner import UNPROVEN
from v2s_tui.domain.guest.network import NicMode, NicPlan
from v2s_tui.domain.guest.plan import GuestPlan
from v2s_tui.domain.guest.refusals import GuestRefused
from v2s_tui.lab.disks.file_systems import write_fat32, write_ntfs
from v2s_tui.lab.disks.partitions import (
    GPT_ESP,
    GPT_WINDOWS_DATA,
    MBR_NTFS,
    Partition,
    write_gpt,
    write_mbr,
)
from v2s_tui.lab.guests.virtio_drivers import write_virtio_win
from v2s_tui.lab.guests.windows_hive import bcd_store, software_hive, system_hive

pytestmark = [pytest.mark.timeout(1500), pytest.mark.slow_guest]
SIZE = 256 * MIB
NICS = (NicPlan(NicMode.KEEP),)
VOLUME_BYTES, METADATA_BYTES = 65 * MIB, 32 * MIB
DRIVERS = {
    f"{name}/2k19/amd64/{name.lower()}{suffix}": f"{name}{suffix}".encode()
    for name in ("vioscsi", "NetKVM")
    for suffix in (".inf", ".sys", ".cat")
}


def windows_disk(folder: Path, *, uefi: bool = True, extra: dict[str, bytes] | None = None) -> Path:
    """A phony Windows on an overlay."""
    raw = folder / "windows.raw"
    esp = Partition(MIB, 64 * MIB, gpt_type=GPT_ESP, name="EFI system partition")
    start = 65 * MIB if uefi else MIB
    volume = Partition(start, SIZE - start - MIB, MBR_NTFS, GPT_WINDOWS_DATA, "Basic data partition")
    with raw.open("w+b") as disk:
        disk.truncate(SIZE)
        if uefi:
            write_gpt(disk, [esp, volume], disk_bytes=SIZE, disk_id=uuid.uuid4())
        else:
            write_mbr(disk, [volume], disk_id=7)
    if uefi:
        boot = {"bootmgfw.efi": b"MZ boot manager", "BCD": bcd_store()}
        tree = {f"EFI/Microsoft/Boot/{name}": content for name, content in boot.items()}
        write_fat32(raw, esp, tree, serial=0x12345678)
    tree = {
        "Windows/System32/config/SYSTEM": system_hive(host_name="win2k19"),
        "Windows/System32/config/SOFTWARE": software_hive(),
        "Windows/System32/drivers/disk.sys": b"MZ",
    }
    write_ntfs(raw, volume, {**tree, **(extra or {})}, label="Windows")
    return overlay_of(raw, folder / "windows.qcow2", base_format="raw", extra_bytes=2 * MIB)


def virtio_win(folder: Path) -> Path:
    for name, content in DRIVERS.items():
        path = folder / "virtio-win" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder / "virtio-win"


def plan_of(disk: Path, appliance: ApplianceSettings) -> GuestPlan:
    """What `v2s guest plan` finds; the disk must not change by it."""
    before = disk.read_bytes()
    drivers = virtio_win(disk.parent)
    event, request = threading.Event(), AdaptRequest(nics=NICS)
    plan = plan_guest([disk], request, appliance, scratch=disk.parent, cancelled=event, virtio_win=drivers)
    assert disk.read_bytes() == before
    return plan


def test_tools_drivers_and_loader(appliance: ApplianceSettings, tmp_path: Path) -> None:
    disk, event = windows_disk(tmp_path), threading.Event()
    planned = plan_of(disk, appliance)
    assert ("system", "Windows Server 2019 Standard, build 17763, amd64") in planned.found
    assert ("network", "10.1.2.3/24 via 10.1.2.1") in planned.found
    stages = [step.stage for step in planned.steps]
    assert list(dict.fromkeys(stages)) == ["clean_tools", "inject_virtio", "fix_bootloader"]
    assert NOT_BOOTED in planned.warnings
    cleaned = clean_tools([disk], appliance, cancelled=event)
    assert (cleaned.facts.product, cleaned.facts.build) == ("Windows Server 2019 Standard", 17763)
    assert [record.path for record in cleaned.records] == ["/Windows/System32/config/SYSTEM"]
    injected = inject_virtio([disk], virtio_win(tmp_path), appliance, nics=NICS, cancelled=event)
    assert dict(injected.facts.vmware_services)["VMTools"] == 4
    assert injected.warnings == (UNPROVEN,)
    assert not injected.proven
    assert "/Windows/System32/drivers/vioscsi.sys" in {record.path for record in injected.records}
    assert f"/var/lib/v2s/esp/{STORE_PATH}" in {record.path for record in injected.records}
    again = inject_virtio([disk], virtio_win(tmp_path), appliance, nics=NICS, cancelled=event)
    assert again.records == ()
    assert fix_bootloader([disk], scratch=tmp_path).written
    assert not fix_bootloader([disk], scratch=tmp_path).written
    assert plan_of(disk, appliance).steps == (), "what was planned has been done"
    with GuestSession([disk], appliance, cancelled=event, readonly=True) as session:
        session.mount("/dev/sda2", "/")
        (service,) = session.hive_read(
            "/Windows/System32/config/SYSTEM", [r"ControlSet001\Services\vioscsi\Parameters\PnpInterface"]
        )
        assert service is not None
        assert list(service["values"]) == ["5"]
        script = session.read_text("/Windows/v2s/first-boot.ps1") or ""
        assert "New-NetIPAddress -InterfaceIndex $nic -IPAddress 10.1.2.3 -PrefixLength 24" in script
        assert "/x {9B2C3F5E-6D0B-4A38-9A6B-0D6E1B7F4C11} /qn" in script
        session.unmount_all()
        session.mount("/dev/sda1", "/")
        elements = r"Objects\{6c1d7a52-0c41-11ee-a5b4-005056000001}\Elements"
        (console,) = session.hive_read(f"/{STORE_PATH}", [rf"{elements}\260000b0"])
        assert console is not None
        assert console["values"]["Element"] == [3, "AQ=="]


def test_a_bios_windows_is_refused_with_the_instruction(appliance: ApplianceSettings, tmp_path: Path) -> None:
    disk = windows_disk(tmp_path, uefi=False)
    before = disk.read_bytes()
    with pytest.raises(GuestRefused, match="mbr2gpt /convert /allowFullOS"):
        clean_tools([disk], appliance, cancelled=threading.Event())
    with pytest.raises(GuestRefused, match="mbr2gpt"):
        fix_bootloader([disk], scratch=tmp_path)
    subprocess.run(
        ["qemu-img", "compare", "-q", "-f", "qcow2", "-F", "raw", disk, tmp_path / "windows.raw"], check=True
    )
    assert len(before) > 0


def test_a_windows_encrypted_by_bitlocker_is_refused(appliance: ApplianceSettings, tmp_path: Path) -> None:
    """The appliance tells BitLocker by the header of the volume; nothing of it can be mounted."""
    disk = windows_disk(tmp_path)
    with (tmp_path / "windows.raw").open("r+b") as raw:
        raw.seek(VOLUME_BYTES)
        raw.write(bitlocker_header())
        raw.seek(VOLUME_BYTES + METADATA_BYTES)
        raw.write(b"-FVE-FS-" + struct.pack("<HH", 1, 2))
    assert plan_of(disk, appliance).refusals == (BITLOCKER,)


def bitlocker_header() -> bytes:
    """Boot sector since Windows 7 (libbde's format description): signature, GUID, where the metadata is."""
    sector = bytearray(512)
    sector[:11] = b"\xeb\x58\x90-FVE-FS-"
    sector[160:176] = uuid.UUID("4967d63b-2e29-4ad8-8399-f6a339e3d001").bytes_le
    struct.pack_into("<Q", sector, 176, METADATA_BYTES)
    sector[510:] = b"\x55\xaa"
    return bytes(sector)


def test_a_hibernated_windows_is_refused(appliance: ApplianceSettings, tmp_path: Path) -> None:
    disk = windows_disk(tmp_path, extra={"hiberfil.sys": b"HIBR" + bytes(4096)})
    with pytest.raises(GuestRefused, match="powercfg /h off"):
        clean_tools([disk], appliance, cancelled=threading.Event())


def program_header() -> bytes:
    """So much of an empty 64-bit program that libguestfs tells the architecture from it."""
    at, machine, optional_bytes, sixty_four_bits = 0x80, 0x8664, 240, 0x20B
    head = b"MZ".ljust(60, b"\0") + struct.pack("<I", at)
    coff = b"PE\0\0" + struct.pack("<HHIIIHH", machine, 1, 0, 0, 0, optional_bytes, 0x22)
    return (head.ljust(at, b"\0") + coff + struct.pack("<H", sixty_four_bits)).ljust(1024, b"\0")


@pytest.mark.skipif(bool(program_missing()), reason=program_missing())
def test_the_real_virt_v2v_leaves_the_controller_of_the_target_to_us(
    appliance: ApplianceSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes our overlay and our drivers, and registers virtio-blk only."""
    (tmp_path / "rhsrvany.exe").write_bytes(b"MZ phony")
    monkeypatch.setenv(DATA_VARIABLE, str(tmp_path))
    extra = {"Windows/System32/cmd.exe": program_header(), "Windows/Temp/x": b""}
    disk, event = windows_disk(tmp_path, extra=extra), threading.Event()
    drivers = write_virtio_win(tmp_path / "iso")
    steps: list[str] = []
    done = run_virt_v2v(
        [disk], appliance, virtio_win=drivers, scratch=tmp_path, cancelled=event, progress=steps.append
    )
    assert done.version.startswith("virt-v2v-in-place ")
    assert "virt-v2v: Converting Windows Server 2019 Standard to run on KVM" in steps
    injected = inject_virtio([disk], drivers, appliance, nics=NICS, cancelled=event)
    assert "/Windows/System32/drivers/vioscsi.sys" in {record.path for record in injected.records}
    assert r"%SystemRoot%\Drivers\VirtIO" in injected.facts.device_path, "where virt-v2v put its drivers"
    assert dict(injected.facts.vmware_services)["VMTools"] == 2, "tools go at its first boot, not before"

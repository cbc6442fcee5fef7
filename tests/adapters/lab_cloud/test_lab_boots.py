"""Instances of the lab that really boot: QEMU behind the API, ports behind the guest, nothing left behind."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cloud_under_test import Cloud, make_cloud, until
from scaleway.block.v1 import BlockV1API, CreateVolumeRequestFromEmpty
from scaleway.instance.v1 import VolumeServerTemplate
from scaleway.instance.v1.custom_api import InstanceUtilsV1API
from scaleway_core.api import ScalewayException

from v2s_tui.lab.machines import keeper
from v2s_tui.lab.machines.doors import Doors
from v2s_tui.lab.machines.machine import MachineError, require_tools

try:
    require_tools()
except MachineError as error:
    if os.environ.get("CI"):
        raise
    pytest.skip(str(error), allow_module_level=True)


@pytest.fixture
def booting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    """Scaleway alone, whose Instances are machines; guests get little time to switch themselves off."""
    monkeypatch.setattr(keeper, "_POWER_OFF_SECONDS", 0.3)
    cloud = make_cloud(tmp_path, boot=True)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(cloud.tls.ca_file))
    cloud.scaleway.start()
    yield cloud
    cloud.scaleway.stop()


def new_server(cloud: Cloud) -> Any:
    """An Instance with an empty volume and a public address."""
    block, instance = BlockV1API(cloud.client()), InstanceUtilsV1API(cloud.client())
    volume = block.create_volume(name="empty", from_empty=CreateVolumeRequestFromEmpty(size=10**9))
    until(lambda: block.get_volume(volume_id=volume.id), lambda each: each.status == "available")
    disk = VolumeServerTemplate(id=volume.id, volume_type="sbs_volume", boot=None, size=None)
    return instance.create_server(
        commercial_type="POP2-2C-8G", name="web", volumes={"0": disk}, dynamic_ip_required=True
    ).server


def machine_pids(name: str) -> list[int]:
    """QEMU processes whose name holds this text."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
        except OSError:
            continue
        if words[0].endswith(b"qemu-system-x86_64") and f"v2s-lab-{name}".encode() in words:
            found.append(int(path.parent.name))
    return found


def test_the_life_of_a_machine(booting: Cloud) -> None:
    instance, server = InstanceUtilsV1API(booting.client()), new_server(booting)

    def reach(state: str) -> Any:
        return until(
            lambda: instance.get_server(server_id=server.id).server, lambda each: each.state == state
        )

    def act(action: str) -> None:
        instance.server_action(server_id=server.id, action=action)

    act("poweron")
    assert reach("running").public_ips[0].address.startswith("127.")
    (pid,) = machine_pids(server.id)
    stored = booting.scaleway.world.store.get("server", server.id)
    assert Path(stored["_console"]).exists()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((server.public_ips[0].address, 8080), timeout=5)
    act("reboot")
    reach("running")
    assert machine_pids(server.id) == [pid]
    act("stop_in_place")
    reach("stopped in place")
    act("poweron")
    reach("running")
    act("poweroff")
    reach("stopped")
    assert machine_pids(server.id) == []
    content = Path(booting.scaleway.world.store.all("volume")[0]["_raw_path"])
    assert content.stat().st_blocks == 0, "what a machine writes goes to a layer of its own"


def test_machines_end_with_their_instance_and_with_the_lab(booting: Cloud) -> None:
    instance = InstanceUtilsV1API(booting.client())
    gone, left = new_server(booting), new_server(booting)
    for server in (gone, left):
        instance.server_action(server_id=server.id, action="poweron")
    for server in (gone, left):
        until(
            lambda each=server: instance.get_server(server_id=each.id).server.state,
            lambda state: state == "running",
        )
    instance.server_action(server_id=gone.id, action="terminate")
    until(
        lambda: (len(instance.list_servers().servers), machine_pids(gone.id)), lambda found: found == (1, [])
    )
    assert machine_pids(left.id)
    booting.scaleway.stop()
    assert machine_pids(left.id) == []
    booting.scaleway.start()
    until(lambda: machine_pids(left.id), bool)


def test_more_machines_than_fit_are_out_of_stock(booting: Cloud) -> None:
    assert booting.scaleway.world.machines is not None
    booting.scaleway.world.machines.limit = 0
    server = new_server(booting)
    with pytest.raises(ScalewayException) as refused:
        InstanceUtilsV1API(booting.client()).server_action(server_id=server.id, action="poweron")
    assert refused.value.response.json()["type"] == "out_of_stock"


KEEPER = """
import sys, time
from pathlib import Path
from v2s_tui.lab.machines.keeper import Machines
from v2s_tui.lab.machines.machine import MachineOrder
machines = Machines(lambda *state: print(*state, flush=True), 1)
machines.start()
machines.power_on(MachineOrder(sys.argv[1], (), Path(sys.argv[2]), "", "de:00:00:00:00:01"))
time.sleep(60)
"""


def test_a_killed_lab_leaves_no_machine(tmp_path: Path) -> None:
    name = f"orphan-{os.getpid()}"
    argv = [sys.executable, "-c", KEEPER, name, str(tmp_path / "machine")]
    with subprocess.Popen(argv, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith(f"{name} running".encode())
        assert machine_pids(name)
        process.send_signal(signal.SIGKILL)
    until(lambda: machine_pids(name), lambda pids: not pids)


class TypedMonitor:
    """Answers what is typed as QEMU does."""

    def __init__(self, connections: str, *, trouble: str = "") -> None:
        self.connections, self.trouble = connections, trouble
        self.typed_lines: list[str] = []

    def typed(self, line: str) -> str:
        self.typed_lines.append(line)
        return self.connections if line == "info usernet" else self.trouble


FORWARD = "  TCP[HOST_FORWARD]  14  127.0.0.1 {port} 10.0.2.15  8080     0     0\r\n"
HANDSHAKE = "  TCP[{state}]   25  127.0.0.1 {port} 10.0.2.15  8080     0     0\r\n"


@pytest.mark.parametrize(
    ("state", "trouble", "opened", "refused"),
    [
        ("SYN_SENT", "", set(), set()),
        ("ESTABLISHED", "", {8080}, set()),
        ("ESTABLISHED", "could not set up host forwarding rule", set(), {8080}),
    ],
)
def test_a_port_is_opened_only_when_the_guest_has_shaken_hands(
    state: str, trouble: str, opened: set[int], refused: set[int]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as hidden:
        port = hidden.getsockname()[1]
        monitor = TypedMonitor(FORWARD.format(port=port), trouble=trouble)
        doors = Doors("127.4.5.6")
        doors.look(monitor)  # type: ignore[arg-type]
        hidden.settimeout(5)
        knock, _ = hidden.accept()
        assert doors.opened == set()
        monitor.connections += HANDSHAKE.format(state=state, port=port)
        doors.look(monitor)  # type: ignore[arg-type]
        doors.close()
        knock.close()
    assert (doors.opened, doors.refused) == (opened, refused)
    asked = [line for line in monitor.typed_lines if line.startswith("hostfwd_add")]
    assert asked == (["hostfwd_add net0 tcp:127.4.5.6:8080-:8080"] if opened or refused else [])

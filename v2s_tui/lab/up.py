"""The whole lab: source and target side on loopback, in one folder, started and ended together.

Owns DIR/migration.yaml (usable as `--config`), DIR/secrets (random, 0600) and DIR/ports.json: a lab that is
started again in the same folder has the same addresses, keys and resources, so that a batch can go on.
"""

import fcntl
import json
import os
import random
import secrets
import signal
import socket
import string
import sys
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Self

import yaml

from v2s_tui.lab.disks.build import DiskError
from v2s_tui.lab.faults import FaultFileError, FaultRules
from v2s_tui.lab.guests.virtio_drivers import write_virtio_win
from v2s_tui.lab.machines.machine import MachineError, require_tools
from v2s_tui.lab.objectstorage.configuration import ROLES
from v2s_tui.lab.objectstorage.server import ObjectStorageError, ObjectStorageServer
from v2s_tui.lab.scaleway.server import ScalewayServer
from v2s_tui.lab.scaleway.world import Account
from v2s_tui.lab.scenarios.loader import ScenarioError, load_scenario
from v2s_tui.lab.tls import TlsFiles, make_certificate
from v2s_tui.lab.vcenter.server import VCenterServer

HOST = "127.0.0.1"
REGION = "fr-par"
USERNAME = "administrator@vsphere.local"
_SERVERS = ("vcenter", "scaleway", *ROLES)
_BUCKET = "vmware-migration-transit"
_PORTS = range(20_000, 32_000)


class LabError(RuntimeError):
    """The lab cannot be started."""


@dataclass(frozen=True, slots=True)
class LabSecrets:
    """What makes this lab's account its own; kept in DIR/secrets."""

    vcenter_password: str
    access_key: str
    secret_key: str
    organization_id: str
    project_id: str


class Lab:
    """A vCenter with its ESXi hosts, Object Storage and a Scaleway API, all over TLS.

    scenario: name or file, see lab/scenarios. vm_count: exactly so many VMs. faults: rule file, see
    lab/faults.py. speed: how much faster than normal Scaleway's states change. lease_timeout_seconds: how
    long an export lease lives without a word from its client, which blocks the VM for as long. boot:
    Instances really boot, each in a QEMU on this host; their public addresses are on loopback.
    """

    def __init__(
        self,
        folder: Path,
        *,
        scenario: str = "demo",
        vm_count: int | None = None,
        faults: Path | None = None,
        speed: float = 1.0,
        lease_timeout_seconds: int = 300,
        boot: bool = False,
    ) -> None:
        if boot:
            _require_machines()
        self.folder = folder.resolve()
        self.folder.mkdir(parents=True, exist_ok=True)
        self.config_file = self.folder / "migration.yaml"
        self.secrets = _load_secrets(self.folder / "secrets")
        self._running = ExitStack()
        self._lock = _take_lock(self.folder)
        tls = make_certificate(self.folder / "tls")
        ports = _choose_ports(self.folder / "ports.json")
        rules = FaultRules.load(faults) if faults else FaultRules()
        self._write_configuration(tls, ports)
        self.objectstorage = ObjectStorageServer(
            self.folder / "objectstorage",
            tls=tls,
            ports={role: ports[role] for role in ROLES},
            keys={self.secrets.access_key: self.secrets.secret_key},
            region=REGION,
            faults_file=faults,
        )
        self.scaleway = ScalewayServer(
            self.folder / "scaleway",
            tls=tls,
            account=_account(self.secrets),
            objects=self.objectstorage.reader,
            faults=rules,
            speed=speed,
            port=ports["scaleway"],
            boot=boot,
        )
        self.vcenter = VCenterServer(
            load_scenario(scenario, vm_count=vm_count, folder=self.folder),
            folder=self.folder,
            tls=tls,
            faults=rules,
            username=USERNAME,
            password=self.secrets.vcenter_password,
            host=HOST,
            port=ports["vcenter"],
            lease_timeout_seconds=lease_timeout_seconds,
        )

    def start(self) -> None:
        """Start everything; returns when all of it answers. What has started is ended if the rest cannot."""
        try:
            for server in (self.objectstorage, self.scaleway, self.vcenter):
                self._running.callback(server.stop)
                server.start()
            self.objectstorage.wait_ready()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End everything, the last started first. Safe to call twice."""
        self._running.close()
        self._lock.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()

    def _write_configuration(self, tls: TlsFiles, ports: dict[str, int]) -> None:
        document = _configuration(self.folder, self.secrets, tls, ports)
        text = "# Written by v2s lab; usable as --config.\n" + yaml.safe_dump(document, sort_keys=False)
        _write_private(self.config_file, text)


def _require_machines() -> None:
    try:
        require_tools()
    except MachineError as err:
        raise LabError(f"Instances cannot be booted here: {err}") from err


def _take_lock(folder: Path) -> IO[bytes]:
    """Make this the only lab of the folder, for as long as the file is open. Raises LabError."""
    file = (folder / "lab.lock").open("ab")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as err:
        file.close()
        raise LabError(f"a lab is already running in {folder}") from err
    return file


def _account(own: LabSecrets) -> Account:
    other = str(uuid.uuid5(uuid.UUID(own.project_id), "other"))
    projects = {own.project_id: "migration", other: "other"}
    return Account(own.organization_id, own.access_key, own.secret_key, projects)


def _configuration(
    folder: Path, own: LabSecrets, tls: TlsFiles, ports: dict[str, int]
) -> dict[str, dict[str, Any]]:
    """The content of migration.yaml (seed-system.md A2 and DESIGN section 2)."""
    vault = folder / "secrets"
    return {
        "vmware": {
            "vcenter": HOST,
            "port": ports["vcenter"],
            "username": USERNAME,
            "password_file": str(vault / "vcenter-password"),
            "ca_file": str(tls.ca_file),
        },
        "scaleway": {
            "access_key_file": str(vault / "access-key"),
            "secret_key_file": str(vault / "secret-key"),
            "organization_id": own.organization_id,
            "project_id": own.project_id,
            "default_zone": f"{REGION}-1",
            "s3_region": REGION,
            "s3_bucket": _BUCKET,
            "api_url": f"https://{HOST}:{ports['scaleway']}",
            "s3_endpoint": f"https://{HOST}:{ports['proxy']}",
            "ca_file": str(tls.ca_file),
        },
        "conversion": {
            "work_dir": str(folder / "work"),
            "virtio_win_iso": str(write_virtio_win(folder / "virtio-win")),
        },
    }


def _load_secrets(vault: Path) -> LabSecrets:
    """This lab's secrets, drawn at its first start."""
    vault.mkdir(mode=0o700, exist_ok=True)
    key_tail = "".join(secrets.choice(string.ascii_uppercase + string.digits) for _ in range(17))
    return LabSecrets(
        vcenter_password=_secret(vault / "vcenter-password", secrets.token_urlsafe(12)),
        # The form that the SDK insists on.
        access_key=_secret(vault / "access-key", "SCW" + key_tail),
        secret_key=_secret(vault / "secret-key", str(uuid.uuid4())),
        organization_id=_secret(vault / "organization-id", str(uuid.uuid4())),
        project_id=_secret(vault / "project-id", str(uuid.uuid4())),
    )


def _secret(path: Path, fresh: str) -> str:
    if not path.exists():
        _write_private(path, fresh)
    return path.read_text().strip()


def _write_private(path: Path, text: str) -> None:
    """Write a file that is never readable by others."""
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)


def _choose_ports(path: Path) -> dict[str, int]:
    """A port for each server: those of the last time where they are free, new ones else."""
    known: dict[str, int] = json.loads(path.read_text()) if path.exists() else {}
    with ExitStack() as held:
        ports = {name: _hold_port(held, known.get(name, 0)) for name in _SERVERS}
    path.write_text(json.dumps(ports))
    return ports


def _hold_port(held: ExitStack, wanted: int) -> int:
    """The wanted port, or any when it is taken (0: any), kept until all are chosen.

    None that the system gives to outgoing connections: one could take it before its server listens.
    """
    holder = held.enter_context(socket.socket())
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    while True:
        try:
            holder.bind((HOST, wanted or random.choice(_PORTS)))
        except OSError:
            wanted = 0
        else:
            return int(holder.getsockname()[1])


def serve(
    folder: Path,
    *,
    scenario: str = "demo",
    vm_count: int | None = None,
    faults: Path | None = None,
    speed: float = 1.0,
    lease_timeout_seconds: int = 300,
    boot: bool = False,
) -> None:
    """Run a lab until SIGTERM or SIGINT; one line on standard output says when it is ready.

    Raises LabError: the scenario, its disks or a server cannot be had.
    """
    try:
        lab = Lab(
            folder,
            scenario=scenario,
            vm_count=vm_count,
            faults=faults,
            speed=speed,
            lease_timeout_seconds=lease_timeout_seconds,
            boot=boot,
        )
        with _signals() as ended, lab:
            sys.stdout.write(f"lab ready {lab.config_file}\n")
            sys.stdout.flush()
            ended.recv(1)
    except (DiskError, FaultFileError, ObjectStorageError, ScenarioError) as err:
        raise LabError(str(err)) from err


@contextmanager
def _signals() -> Iterator[socket.socket]:
    """A socket on which a byte arrives at SIGTERM, or at SIGINT where that is not ignored already.

    An Event set by a handler is not enough: a signal that the kernel gives to another thread does not wake
    the main one, which alone runs handlers.
    """
    reading, writing = socket.socketpair()
    writing.setblocking(False)
    with reading, writing:
        signal.set_wakeup_fd(writing.fileno())
        for number in (signal.SIGTERM, signal.SIGINT):
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, lambda *_: None)
        try:
            yield reading
        finally:
            signal.set_wakeup_fd(-1)

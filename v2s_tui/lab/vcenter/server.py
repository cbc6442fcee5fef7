"""The lab's vCenter as one object: built from a scenario, started, asked for its state, stopped."""

import uuid
from pathlib import Path
from typing import Any

from v2s_tui.lab.disks.build import ensure_disks
from v2s_tui.lab.faults import FaultRules
from v2s_tui.lab.scenarios.model import Scenario
from v2s_tui.lab.tls import TlsFiles, make_certificate
from v2s_tui.lab.vcenter import inventory_properties, vm_properties
from v2s_tui.lab.vcenter.clock import Clock
from v2s_tui.lab.vcenter.dispatch import Dispatcher, Settings
from v2s_tui.lab.vcenter.inventory import Host
from v2s_tui.lab.vcenter.methods import (
    administration,
    export,
    retrieve,
    updates,
    views,
    vm_operations,
)
from v2s_tui.lab.vcenter.methods import (
    sessions as session_methods,
)
from v2s_tui.lab.vcenter.service_objects import add_services
from v2s_tui.lab.vcenter.sessions import Sessions
from v2s_tui.lab.vcenter.state import lab_state
from v2s_tui.lab.vcenter.tags import Tags
from v2s_tui.lab.vcenter.web.datastore_files import DatastorePages
from v2s_tui.lab.vcenter.web.listener import Listener
from v2s_tui.lab.vcenter.web.nfc import NfcPages
from v2s_tui.lab.vcenter.web.pages import Pages, host_handler, vcenter_handler
from v2s_tui.lab.vcenter.web.tagging import RestPages
from v2s_tui.lab.vcenter.world import World
from v2s_tui.lab.vcenter.world_builder import populate

REGISTERED = (
    administration,
    export,
    inventory_properties,
    retrieve,
    session_methods,
    updates,
    views,
    vm_operations,
    vm_properties,
)  # imported for what they register: methods by name, property tables by kind


class VCenterServer:
    """A vCenter on `host:port`, and each of its ESXi hosts on a port and with a certificate of its own.

    folder: where the hosts' certificates go. pace: factor on the duration of tasks. session_idle_seconds:
    life of a session without calls. lease_timeout_seconds: life of an export lease without progress.
    nfc_bytes_per_second: most that one disk stream gets. denied_privileges: rights the account lacks.
    """

    def __init__(
        self,
        scenario: Scenario,
        *,
        folder: Path,
        tls: TlsFiles,
        faults: FaultRules,
        username: str,
        password: str,
        host: str = "127.0.0.1",
        port: int = 0,
        pace: float = 1.0,
        session_idle_seconds: float = 1800.0,
        lease_timeout_seconds: int = 300,
        nfc_bytes_per_second: int | None = None,
        denied_privileges: frozenset[str] = frozenset(),
    ) -> None:
        self.scenario = scenario
        self.faults = faults
        self.host = host
        self.clock = Clock(pace=pace)
        guid = str(uuid.uuid5(uuid.NAMESPACE_URL, f"v2s-lab:{scenario.name}"))
        self.world = World(scenario, clock=self.clock, guid=guid)
        populate(self.world, scenario)
        add_services(self.world)
        self.sessions = Sessions(
            self.world, username=username, password=password, idle_seconds=session_idle_seconds
        )
        self.tags = Tags(self.world)
        settings = Settings(lease_timeout_seconds, denied_privileges)
        self._nfc = NfcPages(self.world, faults, bytes_per_second=nfc_bytes_per_second)
        pages = Pages(
            dispatcher=Dispatcher(self.world, self.sessions, faults, settings),
            nfc=self._nfc,
            files=DatastorePages(self.world, self.sessions, faults),
            rest=RestPages(self.world, self.sessions, self.tags, faults),
            faults=faults,
            state=self.state,
        )
        self._listener = Listener((host, port), vcenter_handler(pages), tls)
        self._host_listeners = [self._host_listener(entity, folder, tls) for entity in self._hosts()]

    def start(self) -> None:
        """Make the disks the scenario wants beforehand, then serve."""
        if self.scenario.disks_at_start:
            ensure_disks(disk for vm in self.scenario.vms for disk in vm.disks)
        self.clock.start()
        for listener in (self._listener, *self._host_listeners):
            listener.start()

    def stop(self) -> None:
        """Cut every connection and end."""
        with self.world.changed:
            self.world.stopping = True
            self.world.changed.notify_all()
        for listener in (self._listener, *self._host_listeners):
            listener.stop()
        self.clock.stop()

    @property
    def port(self) -> int:
        """The port of the vCenter."""
        return self._listener.port

    @property
    def url(self) -> str:
        """Where the vCenter answers, without a path."""
        return f"https://{self.host}:{self.port}"

    def state(self) -> dict[str, Any]:
        """What it holds right now; the document of GET /lab/state."""
        return lab_state(self.world, self.sessions, self.tags)

    def _hosts(self) -> list[Host]:
        return [entity for entity in self.world.entities.values() if isinstance(entity, Host)]

    def _host_listener(self, entity: Host, folder: Path, tls: TlsFiles) -> Listener:
        """A host shows a certificate the vCenter's authority did not sign: clients pin it by its thumbprint.

        A host that does not know its name (`*`) is reached through the vCenter, with its certificate.
        """
        own = make_certificate(folder / "hosts" / entity.name, hosts=(entity.name, self.host))
        listener = Listener((self.host, 0), host_handler(self._nfc), own)
        if entity.spec.nfc_host == "*":
            entity.nfc_url, entity.thumbprint = "https://*", tls.thumbprint_sha1
        else:
            address = entity.spec.nfc_host or f"{self.host}:{listener.port}"
            entity.nfc_url, entity.thumbprint = f"https://{address}", own.thumbprint_sha1
        return listener

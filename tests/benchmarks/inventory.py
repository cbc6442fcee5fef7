"""Inventory of a large vCenter: client CPU of ours against pyVmomi's bulk read of the same 15 properties.

    python tests/benchmarks/inventory.py [--vms 10000] [--rounds 3]

The lab's `fleet` scenario is served by a process of its own, so that process time is the client's alone. Each
way runs once unmeasured (the lab renders and keeps its answers), then in turn; the best round counts.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from v2s_tui.adapters.vsphere.address import VcenterAddress
from v2s_tui.adapters.vsphere.listing import Listing
from v2s_tui.adapters.vsphere.retrieve import PAGE_SIZE, Retriever
from v2s_tui.adapters.vsphere.rows import LIST_PROPERTIES
from v2s_tui.adapters.vsphere.session import Session

_PASSWORD = "bench"


@dataclass(frozen=True, slots=True)
class Measure:
    """One way's best round. cpu_seconds: of this process; first_rows_seconds: wall-clock to page one."""

    name: str
    objects: int
    cpu_seconds: float
    wall_seconds: float
    first_rows_seconds: float


class Way:
    """One way to read the list; run() returns how many objects came and when the first page did."""

    def __init__(self, name: str, run: Callable[[], tuple[int, float]]) -> None:
        self.name = name
        self.run = run

    def measure(self) -> Measure:
        """Run once."""
        wall, cpu = time.perf_counter(), time.process_time()
        objects, first = self.run()
        return Measure(
            self.name, objects, time.process_time() - cpu, time.perf_counter() - wall, first - wall
        )


def ours_to_rows(session: Session) -> tuple[int, float]:
    """Everything the app does: places, pages, VMs of the domain."""
    first: list[float] = []
    vms, _ = Listing(session, Retriever(session)).rows(lambda _page: first.append(time.perf_counter()))
    return len(vms), first[0]


def ours_parsed(session: Session) -> tuple[int, float]:
    """Pages of values, as pyVmomi's are pages of objects."""
    retriever = Retriever(session)
    first, objects = 0.0, 0
    with retriever.view(["VirtualMachine"]) as view:
        for page in retriever.through_view(view, {"VirtualMachine": LIST_PROPERTIES}):
            first = first or time.perf_counter()
            objects += len(page)
    return objects, first


def pyvmomi_bulk(session: Session) -> tuple[int, float]:
    """The usual bulk read: one view, RetrievePropertiesEx, the same page size."""
    from pyVmomi import vim, vmodl

    query = vmodl.query.PropertyCollector
    content = session.content
    view = content.viewManager.CreateContainerView(content.rootFolder, [vim.VirtualMachine], True)
    through = query.TraversalSpec(name="view", path="view", skip=False, type=type(view))
    spec = query.FilterSpec(
        objectSet=[query.ObjectSpec(obj=view, skip=True, selectSet=[through])],
        propSet=[query.PropertySpec(type=vim.VirtualMachine, all=False, pathSet=list(LIST_PROPERTIES))],
    )
    collector = content.propertyCollector
    page = collector.RetrievePropertiesEx([spec], query.RetrieveOptions(maxObjects=PAGE_SIZE))
    first, objects = time.perf_counter(), len(page.objects)
    while page.token:
        page = collector.ContinueRetrievePropertiesEx(page.token)
        objects += len(page.objects)
    view.DestroyView()
    return objects, first


def serve(folder: Path, vms: int) -> None:
    """The lab, in a process of its own, until its standard input closes."""
    from v2s_tui.lab.faults import FaultRules
    from v2s_tui.lab.scenarios.loader import load_scenario
    from v2s_tui.lab.tls import make_certificate
    from v2s_tui.lab.vcenter.server import VCenterServer

    server = VCenterServer(
        load_scenario("fleet", vm_count=vms, folder=folder),
        folder=folder,
        tls=make_certificate(folder),
        faults=FaultRules(),
        username="bench",
        password=_PASSWORD,
    )
    server.start()
    print(server.port, flush=True)
    sys.stdin.read()
    server.stop()


@contextmanager
def lab(folder: Path, vms: int) -> Iterator[VcenterAddress]:
    """The address of a lab that serves so many VMs."""
    command = [sys.executable, __file__, "--serve", str(folder), "--vms", str(vms)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        yield VcenterAddress(
            host="127.0.0.1",
            port=port,
            username="bench",
            password=lambda: _PASSWORD,
            ca_file=str(folder / "ca.pem"),
        )
        process.communicate()


def compare(address: VcenterAddress, rounds: int) -> list[Measure]:
    """The best round of each way, in the order ours, ours parsed, pyVmomi."""
    session = Session(address)
    try:
        ways = [
            Way("ours, to rows of the list", lambda: ours_to_rows(session)),
            Way("ours, parsed", lambda: ours_parsed(session)),
            Way("pyVmomi bulk", lambda: pyvmomi_bulk(session)),
        ]
        for way in ways:
            way.run()
        taken = [[way.measure() for way in ways] for _ in range(rounds)]
        return [min(of_way, key=lambda measure: measure.cpu_seconds) for of_way in zip(*taken, strict=True)]
    finally:
        session.close()


def report(measures: list[Measure]) -> None:
    """Print the table and the ratios."""
    for found in measures:
        print(
            f"{found.name:28} {found.objects:6} VMs   client CPU {found.cpu_seconds:6.2f} s"
            f"   wall {found.wall_seconds:6.2f} s   first rows {found.first_rows_seconds:5.2f} s"
        )
    rows, parsed, bulk = measures
    print(f"client CPU, pyVmomi bulk : ours parsed  = {bulk.cpu_seconds / parsed.cpu_seconds:.1f} : 1")
    print(f"client CPU, pyVmomi bulk : ours to rows = {bulk.cpu_seconds / rows.cpu_seconds:.1f} : 1")


def main(arguments: list[str] | None = None) -> Any:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--vms", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.serve:
        return serve(options.serve, options.vms)
    with tempfile.TemporaryDirectory() as folder, lab(Path(folder), options.vms) as address:
        return report(compare(address, options.rounds))


if __name__ == "__main__":
    main()

"""Where an Instance of the API meets the machine that boots it, in a lab that boots (`v2s lab up --boot`)."""

from pathlib import Path

from v2s_tui.lab.machines.keeper import Machines
from v2s_tui.lab.machines.machine import MachineOrder, layer_of
from v2s_tui.lab.scaleway.server_view import ips_of
from v2s_tui.lab.scaleway.store import Effect, Resource, ResourceStore
from v2s_tui.lab.scaleway.world import World

LOOPBACK_ADDRESSES = 255


def loopback_address(world: World, number: int) -> str:
    """A public address that is this lab's own on loopback, "" when there are none left or nothing boots.

    The lab's port is in it, so that two labs of one host never share an address.
    """
    return f"{world.loopback}.{number}" if world.loopback and number < LOOPBACK_ADDRESSES else ""


def loopback_of(port: int) -> str:
    """The network of a lab whose API listens on that port: `127.A.B`, never 127.0.0."""
    return f"127.{port >> 8}.{port & 255}"


def boot_effects(world: World, machines: Machines) -> dict[str, Effect]:
    """What the ends of the courses of `server_actions` do when Instances really boot."""

    def power_on(_store: ResourceStore, server: Resource) -> None:
        order = _order(world, server)
        server["_console"] = str(order.folder / "serial.log")
        machines.power_on(order)

    def power_off(_store: ResourceStore, server: Resource) -> None:
        machines.power_off(server["id"], final_state="stopped")

    def stop_in_place(_store: ResourceStore, server: Resource) -> None:
        machines.power_off(server["id"], final_state="stopped in place")

    def reboot(_store: ResourceStore, server: Resource) -> None:
        machines.reset(server["id"])

    return {
        "boot_poweron": power_on,
        "boot_poweroff": power_off,
        "boot_stop_in_place": stop_in_place,
        "boot_reboot": reboot,
    }


def _order(world: World, server: Resource) -> MachineOrder:
    entries = sorted(server["_volumes"].items(), key=lambda entry: (not entry[1]["boot"], int(entry[0])))
    volumes = (world.store.get("volume", entry["id"]) for _, entry in entries)
    addresses = [each["address"] for each in ips_of(world, server)]
    return MachineOrder(
        server_id=server["id"],
        volumes=tuple(Path(volume["_raw_path"]) for volume in volumes),
        folder=world.folder / "machines" / server["id"],
        address=next((each for each in addresses if each.startswith("127.")), ""),
        mac=server["mac_address"],
    )


def take_state(store: ResourceStore, server_id: str, state: str, detail: str) -> None:
    """What became of a machine, seen by the next client that looks."""
    with store.lock:
        server = store.find("server", server_id)
        if server is not None:
            server |= {"state": state, "state_detail": detail}
            store.save("server", server)


def boot_again(world: World, machines: Machines) -> None:
    """Machines ended with the last life of this lab; their Instances are to run."""
    with world.store.lock:
        for server in world.store.all("server"):
            if server["state"] == "running" and server.get("_console"):
                machines.power_on(_order(world, server))


def forget_machine(world: World, server: Resource) -> None:
    """Its Instance is gone: the machine ends; its console is kept for people."""
    if world.machines is not None:
        world.machines.forget(server["id"])


def remove_content(path: Path) -> None:
    """Delete a volume's content with what a booted guest wrote over it."""
    path.unlink(missing_ok=True)
    layer_of(path).unlink(missing_ok=True)

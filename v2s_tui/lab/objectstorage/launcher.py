"""Child process that runs Swift: loads its code once, makes the rings, forks the four servers.

    python -m v2s_tui.lab.objectstorage.launcher ROOT account=PORT container=PORT object=PORT proxy=PORT

Ends, and takes the servers with it, when its standard input closes: a lab that is killed cannot leave them
behind. Prints nothing; Swift's own lines go to stderr.
"""

import ctypes
import os
import select
import signal
import sys
import time
from functools import partial
from pathlib import Path

from v2s_tui.lab.objectstorage.configuration import DEVICE, ROLES, STORAGE_ROLES, SwiftFolders

_PR_SET_PDEATHSIG = 1
_GRACE_SECONDS = 2.0
_PART_POWER = 4


def main(argv: list[str]) -> int:
    """Serve until standard input ends; 1 when a server ends before."""
    folders = SwiftFolders(Path(argv[0]))
    ports = {role: int(port) for role, port in (each.split("=") for each in argv[1:])}
    make_rings(folders, ports)
    servers = {role: _fork(role, folders) for role in ROLES}
    try:
        return _watch(servers)
    finally:
        _stop(servers)


def make_rings(folders: SwiftFolders, ports: dict[str, int]) -> None:
    """Write the three ring files: one replica on one device."""
    from swift.common.ring import RingBuilder

    for role in STORAGE_ROLES:
        builder = RingBuilder(_PART_POWER, 1, 1)
        address = {"ip": "127.0.0.1", "port": ports[role]}
        replication = {"replication_ip": "127.0.0.1", "replication_port": ports[role]}
        builder.add_dev(
            {"id": 0, "region": 1, "zone": 1, "device": DEVICE, "weight": 1.0, "meta": ""}
            | address
            | replication
        )
        builder.rebalance(seed="lab")
        builder.get_ring().save(str(folders.conf / f"{role}.ring.gz"))


def _fork(role: str, folders: SwiftFolders) -> int:
    parent = os.getpid()
    pid = os.fork()
    if pid:
        return pid
    _die_with(parent)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    status = 1
    try:
        _serve(role, folders)
        status = 0
    finally:
        os._exit(status)


def _die_with(parent: int) -> None:
    """Ask the kernel to kill this process when the launcher goes, however it goes."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def _serve(role: str, folders: SwiftFolders) -> None:
    """Run one server for ever, in this process."""
    from swift.common import wsgi

    # Eventlet shares a port with whoever listens there already; two labs would answer for each other.
    wsgi.listen = partial(wsgi.listen, reuse_port=False)
    conf, logger, global_conf, strategy = wsgi.check_config(str(folders.ini(role)), f"{role}-server")
    listener = strategy.no_fork_sock()
    if role == "proxy":
        # Otherwise the handshake happens within accept(), and one silent client stops all others.
        listener.do_handshake_on_connect = False
    wsgi.run_server(conf, logger, listener, global_conf=global_conf)


def _watch(servers: dict[str, int]) -> int:
    while True:
        readable, _, _ = select.select([0], [], [], 0.5)
        if readable and not os.read(0, 1024):
            return 0
        for role, pid in servers.items():
            if os.waitpid(pid, os.WNOHANG)[0]:
                print(f"Swift's {role} server ended", file=sys.stderr)  # noqa: T201 - its log
                return 1


def _stop(servers: dict[str, int]) -> None:
    """End all servers: kindly, then surely."""
    for pid in servers.values():
        _signal(pid, signal.SIGTERM)
    deadline = time.monotonic() + _GRACE_SECONDS
    left = set(servers.values())
    while left and time.monotonic() < deadline:
        left = {pid for pid in left if not _has_ended(pid)}
        time.sleep(0.02)
    for pid in left:
        _signal(pid, signal.SIGKILL)


def _signal(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def _has_ended(pid: int) -> bool:
    try:
        return os.waitpid(pid, os.WNOHANG)[0] != 0
    except ChildProcessError:
        return True


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.exit(main(sys.argv[1:]))

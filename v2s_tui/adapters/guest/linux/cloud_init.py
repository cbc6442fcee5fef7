"""cloud-init, where it is installed: told where it is now, and told not to undo the network plan."""

from v2s_tui.adapters.guest.linux.view import GuestView
from v2s_tui.domain.guest.changes import Change, ChangeKind

DATASOURCE_FILE = "/etc/cloud/cloud.cfg.d/99_v2s_datasource.cfg"
NETWORK_FILE = "/etc/cloud/cloud.cfg.d/99_v2s_network.cfg"
_DATASOURCE = "# Written by v2s.\ndatasource_list: [Scaleway, NoCloud, None]\n"
_NETWORK = "# Written by v2s: the migrated network configuration stays.\nnetwork:\n  config: disabled\n"


def has_cloud_init(view: GuestView) -> bool:
    """True when cloud-init is installed."""
    return view.is_file("/etc/cloud/cloud.cfg")


def plan_cloud_init(view: GuestView) -> tuple[Change, ...]:
    """Datasource and network setting. A guest without cloud-init gets nothing: boot never depends on it.

    The stored instance identity is not removed: the datasource's own differs, so cloud-init runs anew, but
    with the host keys and users that the guest has.
    """
    if not has_cloud_init(view):
        return ()
    wanted = (
        (DATASOURCE_FILE, _DATASOURCE, "cloud-init must look for Scaleway's metadata"),
        (NETWORK_FILE, _NETWORK, "cloud-init must not replace the migrated network configuration"),
    )
    return tuple(
        Change(ChangeKind.WRITE, path, reason, content=text.encode())
        for path, text, reason in wanted
        if view.read_text(path) != text
    )

"""cloud-init, where it is installed: told where it is now, and that this is no fresh image.

At Scaleway it finds an instance it has not seen and starts anew, as on an image's first boot. By default it
would then write its own network configuration, take the Instance's name, make new SSH host keys and lock the
password of the distribution's user (cc_ssh: ssh_deletekeys; users: lock_passwd).
"""

from v2s_tui.adapters.guest.linux.view import GuestView
from v2s_tui.domain.guest.changes import Change, ChangeKind

DATASOURCE_FILE = "/etc/cloud/cloud.cfg.d/99_v2s_datasource.cfg"
NETWORK_FILE = "/etc/cloud/cloud.cfg.d/99_v2s_network.cfg"
IDENTITY_FILE = "/etc/cloud/cloud.cfg.d/99_v2s_identity.cfg"
_DATASOURCE = "# Written by v2s.\ndatasource_list: [Scaleway, NoCloud, None]\n"
_NETWORK = "# Written by v2s: the migrated network configuration stays.\nnetwork:\n  config: disabled\n"
_IDENTITY = """# Written by v2s: the migrated system keeps its name, its host keys and its users.
preserve_hostname: true
manage_etc_hosts: false
ssh_deletekeys: false
system_info:
  default_user:
    lock_passwd: false
"""


def has_cloud_init(view: GuestView) -> bool:
    """True when cloud-init is installed."""
    return view.is_file("/etc/cloud/cloud.cfg")


def plan_cloud_init(view: GuestView) -> tuple[Change, ...]:
    """Three files that are read after those of distributions and installers.

    A guest without cloud-init gets nothing: boot never depends on it.
    """
    if not has_cloud_init(view):
        return ()
    wanted = (
        (DATASOURCE_FILE, _DATASOURCE, "cloud-init must look for Scaleway's metadata"),
        (NETWORK_FILE, _NETWORK, "cloud-init must not replace the migrated network configuration"),
        (IDENTITY_FILE, _IDENTITY, "cloud-init must not take this for a fresh image"),
    )
    return tuple(
        Change(ChangeKind.WRITE, path, reason, content=text.encode())
        for path, text, reason in wanted
        if view.read_text(path) != text
    )

"""The files Swift needs: swift.conf, one ini per server, one credentials file (recipe: scaleway.md 3.3).

Owns the `conf` folder. Every server listens on loopback only, runs as one process and logs to stderr.
"""

import getpass
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the launcher reads this module too, and need not load the certificate code
    from v2s_tui.lab.tls import TlsFiles

ACCOUNT = "AUTH_lab"
DEVICE = "d1"
STORAGE_ROLES = ("account", "container", "object")
ROLES = (*STORAGE_ROLES, "proxy")
MAX_PARTS = 1000
MIN_PART_BYTES = 5 << 20

_DEFAULT = """[DEFAULT]
bind_ip = 127.0.0.1
bind_port = {port}
workers = 0
user = {user}
swift_dir = {conf}
devices = {devices}
mount_check = false
disable_fallocate = true
fallocate_reserve = 0
log_level = WARNING
log_address = /nowhere
log_custom_handlers = v2s_tui.lab.objectstorage.logs.to_stderr
"""

_STORAGE = """
[pipeline:main]
pipeline = {role}-server

[app:{role}-server]
use = egg:swift#{role}
network_chunk_size = 1048576
disk_chunk_size = 1048576
keep_cache_size = 0
"""

_PROXY = """cert_file = {cert}
key_file = {key}
client_timeout = 300

[pipeline:main]
pipeline = catch_errors lab-faults lab-gate listing_formats s3api lab-auth copy dlo slo proxy-server

[filter:catch_errors]
use = egg:swift#catch_errors

[filter:lab-faults]
paste.filter_factory = v2s_tui.lab.objectstorage.fault_filter:filter_factory
faults_file = {faults}
credentials_file = {credentials}

[filter:lab-gate]
paste.filter_factory = v2s_tui.lab.objectstorage.gate:filter_factory
credentials_file = {credentials}

[filter:listing_formats]
use = egg:swift#listing_formats

[filter:s3api]
use = egg:swift#s3api
location = {region}
dns_compliant_bucket_names = true
max_upload_part_num = {max_parts}
min_segment_size = {min_part}
auth_pipeline_check = false

[filter:lab-auth]
paste.filter_factory = v2s_tui.lab.objectstorage.auth:filter_factory
credentials_file = {credentials}

[filter:copy]
use = egg:swift#copy

[filter:dlo]
use = egg:swift#dlo

[filter:slo]
use = egg:swift#slo
max_manifest_segments = {max_parts}

[app:proxy-server]
use = egg:swift#proxy
allow_account_management = true
account_autocreate = true
client_chunk_size = 1048576
object_chunk_size = 1048576
node_timeout = 60
recoverable_node_timeout = 60
conn_timeout = 5
"""

_SWIFT_CONF = """[swift-hash]
swift_hash_path_suffix = {suffix}

[storage-policy:0]
name = standard
default = yes
"""


@dataclass(frozen=True, slots=True)
class SwiftFolders:
    """Where Swift lives below the lab's folder."""

    root: Path

    @property
    def conf(self) -> Path:
        """Folder of ini files and rings."""
        return self.root / "conf"

    @property
    def devices(self) -> Path:
        """Folder of the one device, `d1`, that holds all data."""
        return self.root / "devices"

    @property
    def credentials(self) -> Path:
        """File of the keys that the proxy accepts, readable by its owner alone."""
        return self.conf / "credentials.json"

    def ini(self, role: str) -> Path:
        """Ini file of one server."""
        return self.conf / f"{role}-server.conf"


def write_configuration(
    folders: SwiftFolders,
    *,
    ports: dict[str, int],
    tls: "TlsFiles",
    region: str,
    faults_file: Path | None,
    suffix: str,
) -> None:
    """Write swift.conf and the four ini files. ports: by role. suffix: kept for the life of the data."""
    folders.conf.mkdir(parents=True, exist_ok=True)
    (folders.devices / DEVICE).mkdir(parents=True, exist_ok=True)
    (folders.conf / "swift.conf").write_text(_SWIFT_CONF.format(suffix=suffix))
    for role in ROLES:
        text = _DEFAULT.format(
            port=ports[role], user=getpass.getuser(), conf=folders.conf, devices=folders.devices
        )
        if role == "proxy":
            text += _PROXY.format(
                cert=tls.cert_file,
                key=tls.key_file,
                credentials=folders.credentials,
                faults=faults_file or "",
                region=region,
                max_parts=MAX_PARTS,
                min_part=MIN_PART_BYTES,
            )
        else:
            text += _STORAGE.format(role=role)
        folders.ini(role).write_text(text)


def write_credentials(path: Path, *, keys: dict[str, str], internal_token: str) -> None:
    """Write the keys (access key -> secret) and the token with which the lab itself reads objects."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump({"keys": keys, "internal_token": internal_token}, file)

"""The first migration.yaml: its fields as a form asks for them, and its sections. Secrets are only named."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_WHERE_HINT = "the name of an environment variable, or the path of a file; never the secret itself"


@dataclass(frozen=True, slots=True)
class ConfigField:
    """label: beside the input. value: filled in already. hint: what it wants."""

    name: str
    label: str
    value: str = ""
    example: str = ""
    hint: str = ""


CONFIG_FIELDS: tuple[ConfigField, ...] = (
    ConfigField("vcenter", "vCenter", example="vcenter.example.com", hint="its host name"),
    ConfigField("username", "User", example="migration@vsphere.local", hint="README: rights in vCenter"),
    ConfigField("password", "Password in", "VCENTER_PASSWORD", hint=_WHERE_HINT),
    ConfigField("access_key", "Access key in", "SCW_ACCESS_KEY", hint=_WHERE_HINT),
    ConfigField("secret_key", "Secret key in", "SCW_SECRET_KEY", hint=_WHERE_HINT),
    ConfigField("project_id", "Project id", example="00000000-0000-0000-0000-000000000000",
                hint="of the Scaleway project that gets the Instances"),
    ConfigField("zone", "Zone", "fr-par-1", hint="where Instances go unless a plan says otherwise"),
    ConfigField("bucket", "Bucket", "vmware-migration-transit",
                hint="Object Storage in that region, for disks on their way"),
    ConfigField("work_dir", "Work folder", "/var/lib/v2s/work", hint="with room for the disks of a wave"),
)  # fmt: skip
_SECRETS = ("password", "access_key", "secret_key")


def config_problem(values: Mapping[str, str]) -> tuple[str, str] | None:
    """The first field that cannot be, and why; None when all can."""
    for field in CONFIG_FIELDS:
        value = values.get(field.name, "")
        if not value:
            return field.name, f"{field.label} is missing"
        if field.name in _SECRETS and "/" not in value and not _VARIABLE.fullmatch(value):
            return field.name, _WHERE_HINT
        if field.name == "project_id" and not _UUID.fullmatch(value):
            return field.name, "a project id looks like 00000000-0000-0000-0000-000000000000"
        if field.name == "zone" and not re.fullmatch(r"[a-z]{2}-[a-z]{3}-\d", value):
            return field.name, "a zone looks like fr-par-1"
    return None


def config_data(values: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """The sections of migration.yaml."""
    return {
        "vmware": {
            "vcenter": values["vcenter"],
            "username": values["username"],
            **_reference("password", values["password"]),
        },
        "scaleway": {
            **_reference("access_key", values["access_key"]),
            **_reference("secret_key", values["secret_key"]),
            "project_id": values["project_id"],
            "default_zone": values["zone"],
            "s3_region": values["zone"].rpartition("-")[0],
            "s3_bucket": values["bucket"],
        },
        "conversion": {"work_dir": values["work_dir"]},
    }


def _reference(name: str, where: str) -> dict[str, str]:
    return {f"{name}_{'file' if '/' in where else 'env'}": where}

"""What the key may not do: each kind of thing a migration touches is read once, which changes nothing.

Reading tells of the permission set as a whole: a policy that lets read but not write is not found out.
Names of permission sets: Scaleway's IAM documentation, March 2026.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from v2s_tui.adapters.scaleway.access import ScalewayAccess
from v2s_tui.domain.errors import NotFound, TargetError
from v2s_tui.domain.planning.account_access import MissingAccess, NeededFor
from v2s_tui.domain.target.private_networks import region_of

_ORGANISATION = " for the organisation"


@dataclass(frozen=True, slots=True)
class _Look:
    """A call that reads. permission_set: allows it, and what a migration does beyond reading; "" where a
    refusal does not matter.
    """

    what: str
    permission_set: str
    call: Callable[[], Any]
    needed_for: NeededFor = NeededFor.EVERY_PLAN
    scope: str = ""


def missing_access(apis: Any, access: ScalewayAccess, zone: str) -> tuple[MissingAccess, ...]:
    """One for each look that is refused, or a single one when the key itself is, or no project is there.

    Raises TargetError for an answer that does not speak of rights.
    """
    refused: list[MissingAccess] = []
    for look in (_project(apis, access), *_looks(apis, access, zone)):
        try:
            look.call()
        except TargetError as err:
            if err.status == 401 or err.kind == "denied_authentication":
                return (MissingAccess(f"the API key is refused: {err.title}", err.hint),)
            if err.status != 403 and not isinstance(err, NotFound):
                raise
            if look.permission_set:
                refused.append(_missing(look, err))
            elif isinstance(err, NotFound):
                return (MissingAccess(f"there is no {look.what}", "check scaleway.project_id"),)
    return tuple(refused)


def _project(apis: Any, access: ScalewayAccess) -> _Look:
    """Lists of a project that does not exist are empty, not refused. No migration needs the right to ask."""
    return _Look(
        f"project {access.project_id}", "", lambda: apis.account.get_project(project_id=access.project_id)
    )


def _missing(look: _Look, err: TargetError) -> MissingAccess:
    fix = f"give the API key's IAM policy the permission set {look.permission_set}{look.scope}"
    return MissingAccess(f"cannot read {look.what}: {err.title}", fix, look.needed_for)


def _looks(apis: Any, access: ScalewayAccess, zone: str) -> tuple[_Look, ...]:
    return (*_for_every_plan(apis, access, zone), *_for_some_plans(apis, access, region_of(zone)))


def _for_every_plan(apis: Any, access: ScalewayAccess, zone: str) -> tuple[_Look, ...]:
    project, organization = access.project_id or None, access.organization_id or None
    instance, block, iam = apis.instance, apis.block, apis.iam
    return (
        _Look(
            "Instances",
            "InstancesFullAccess",
            lambda: instance.list_servers(zone=zone, project=project, per_page=1),
        ),
        _Look(
            "images",
            "InstancesFullAccess",
            lambda: instance.list_images(zone=zone, project=project, per_page=1),
        ),
        _Look(
            "Block Storage",
            "BlockStorageFullAccess",
            lambda: block.list_snapshots(zone=zone, include_deleted=False, project_id=project, page_size=1),
        ),
        _Look(
            "quotas",
            "OrganizationReadOnly",
            lambda: iam.list_quota(organization_id=organization, page_size=1),
            scope=_ORGANISATION,
        ),
    )


def _for_some_plans(apis: Any, access: ScalewayAccess, region: str) -> tuple[_Look, ...]:
    project = access.project_id or None
    vpc, ipam, iam = apis.vpc, apis.ipam, apis.iam
    return (
        _Look(
            "Private Networks",
            "PrivateNetworksFullAccess",
            lambda: vpc.list_private_networks(region=region, project_id=project, page_size=1),
            NeededFor.PRIVATE_NETWORKS,
        ),
        _Look(
            "VPCs",
            "VPCReadOnly",
            lambda: vpc.list_vp_cs(region=region, project_id=project, page_size=1),
            NeededFor.NEW_NETWORKS,
        ),
        _Look(
            "addresses (IPAM)",
            "IPAMFullAccess",
            lambda: ipam.list_i_ps(region=region, project_id=project, page_size=1),
            NeededFor.PRIVATE_NETWORKS,
        ),
        _Look(
            "SSH keys",
            "SSHKeysReadOnly",
            lambda: iam.list_ssh_keys(project_id=project, page_size=1),
            NeededFor.WINDOWS,
        ),
    )

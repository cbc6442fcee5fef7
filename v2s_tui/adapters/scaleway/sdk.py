"""The SDK's API classes on our transport. Import this module late: the SDK takes a second and 34 MB to
load.
"""

from typing import TypeVar

from scaleway.account.v3 import AccountV3ProjectAPI
from scaleway.block.v1 import BlockV1API
from scaleway.block.v1.types import CreateVolumeRequestFromSnapshot
from scaleway.iam.v1alpha1 import IamV1Alpha1API
from scaleway.instance.v1.custom_api import InstanceUtilsV1API
from scaleway.instance.v1.types import VolumeServerTemplate, VolumeTemplate
from scaleway.ipam.v1 import IpamV1API
from scaleway.ipam.v1.types import Source
from scaleway.vpc.v2 import VpcV2API
from scaleway_core.client import Client

from v2s_tui.adapters.scaleway.access import ScalewayAccess
from v2s_tui.adapters.scaleway.transport import Transport, TransportMixin

__all__ = [
    "Account",
    "Apis",
    "Block",
    "CreateVolumeRequestFromSnapshot",
    "Iam",
    "Instance",
    "Ipam",
    "Source",
    "VolumeServerTemplate",
    "VolumeTemplate",
]


A = TypeVar("A", bound=TransportMixin)


class Account(TransportMixin, AccountV3ProjectAPI):  # type: ignore[misc]
    """Projects."""


class Block(TransportMixin, BlockV1API):  # type: ignore[misc]
    """Block Storage: snapshots and volumes."""


class Instance(TransportMixin, InstanceUtilsV1API):  # type: ignore[misc]
    """Instances, images, IPs, private NICs, types."""


class Iam(TransportMixin, IamV1Alpha1API):  # type: ignore[misc]
    """API keys and quotas."""


class Ipam(TransportMixin, IpamV1API):  # type: ignore[misc]
    """Addresses of Private Networks."""


class Vpc(TransportMixin, VpcV2API):  # type: ignore[misc]
    """Private Networks."""


def _client(access: ScalewayAccess) -> Client:
    """The SDK's settings object."""
    return Client(
        access_key=access.access_key,
        secret_key=access.secret_key,
        api_url=access.api_url,
        default_organization_id=access.organization_id or None,
        default_project_id=access.project_id or None,
    )


class Apis:
    """One object per API, all on one transport; safe to share between threads."""

    def __init__(self, access: ScalewayAccess, transport: Transport) -> None:
        client = _client(access)
        self.account = _on(Account(client, bypass_validation=True), transport)
        self.block = _on(Block(client, bypass_validation=True), transport)
        self.instance = _on(Instance(client, bypass_validation=True), transport)
        self.iam = _on(Iam(client, bypass_validation=True), transport)
        self.vpc = _on(Vpc(client, bypass_validation=True), transport)
        self.ipam = _on(Ipam(client, bypass_validation=True), transport)


def _on(api: A, transport: Transport) -> A:
    api.transport = transport
    return api

"""Each refused look is named with the permission set that allows it; the key itself is told once."""

import pytest
from scripted_api import PROJECT, Asked, Say

from v2s_tui.domain.errors import TargetUnavailable
from v2s_tui.domain.planning.account_access import NeededFor

ZONE = "nl-ams-2"
REFUSED = Say(403, {"type": "permissions_denied", "details": [{"action": "read", "resource": "it"}]})
LISTS = ("servers", "images", "snapshots", "quota", "private_networks", "vpcs", "ips", "ssh_keys")


def refusing(*parts: str):
    """Everything else is an empty list."""

    def answer(asked: Asked) -> Say:
        if any(part in asked.path for part in parts):
            return REFUSED
        return Say(200, {"total_count": 0, **{name: [] for name in LISTS}})

    return answer


@pytest.mark.parametrize(
    ("path", "permission_set", "needed_for"),
    [
        ("/servers", "InstancesFullAccess", NeededFor.EVERY_PLAN),
        ("/images", "InstancesFullAccess", NeededFor.EVERY_PLAN),
        ("/block/", "BlockStorageFullAccess", NeededFor.EVERY_PLAN),
        ("/quota", "OrganizationReadOnly for the organisation", NeededFor.EVERY_PLAN),
        ("/private-networks", "PrivateNetworksFullAccess", NeededFor.PRIVATE_NETWORKS),
        ("/vpcs", "VPCReadOnly", NeededFor.NEW_NETWORKS),
        ("/ipam/", "IPAMFullAccess", NeededFor.PRIVATE_NETWORKS),
        ("/ssh-keys", "SSHKeysReadOnly", NeededFor.WINDOWS),
    ],
)
def test_a_refusal_names_its_permission_set(api, cloud, path, permission_set, needed_for):
    api.otherwise = refusing(path)
    (missing,) = cloud.check_access(ZONE)
    assert missing.fix.endswith(f"the permission set {permission_set}")
    assert missing.needed_for is needed_for
    assert "may not read it" in missing.title


def test_the_looks_read_only_in_the_zone_and_its_region(api, cloud):
    api.otherwise = refusing()
    assert cloud.check_access(ZONE) == ()
    assert {asked.method for asked in api.asked} == {"GET"}
    placed = [
        asked.path for asked in api.asked if "/iam/" not in asked.path and "/account/" not in asked.path
    ]
    assert len(placed) == 6
    assert all(f"/zones/{ZONE}/" in path or "/regions/nl-ams/" in path for path in placed)


def test_several_refusals_are_all_told(api, cloud):
    api.otherwise = refusing("/vpcs", "/ssh-keys", "/images")
    assert [each.fix.rpartition(" ")[2] for each in cloud.check_access(ZONE)] == [
        "InstancesFullAccess",
        "VPCReadOnly",
        "SSHKeysReadOnly",
    ]


def test_a_refused_key_is_one_finding(api, cloud):
    api.otherwise = lambda _: Say(403, {"type": "denied_authentication", "reason": "expired"})
    (missing,) = cloud.check_access(ZONE)
    assert missing.title.startswith("the API key is refused")
    assert "has the key expired" in missing.fix


def test_a_project_that_does_not_exist_is_one_finding(api, cloud):
    """Its lists are empty, not refused."""
    lists = refusing()
    absent = Say(404, {"type": "not_found", "resource": "project"})
    api.otherwise = lambda asked: absent if "/projects/" in asked.path else lists(asked)
    (missing,) = cloud.check_access(ZONE)
    assert missing.title == f"there is no project {PROJECT}"
    assert missing.fix == "check scaleway.project_id"


def test_the_right_to_read_projects_is_not_asked_for(api, cloud):
    api.otherwise = refusing("/projects/")
    assert cloud.check_access(ZONE) == ()


def test_what_does_not_speak_of_rights_is_raised(api, cloud):
    api.otherwise = lambda _: Say(503, b"<html>busy</html>")
    with pytest.raises(TargetUnavailable):
        cloud.check_access(ZONE)

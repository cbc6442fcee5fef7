"""Tags over /api and /rest."""

import base64
import json
from typing import Any

import pytest
from lab_vcenter_rig import PASSWORD, USER, Lab

BASIC = {"Authorization": "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()}


class Rest:
    """A logged-in REST client in the new or the old form."""

    def __init__(self, lab: Lab, *, old: bool) -> None:
        self.lab, self.old = lab, old
        self.root = "/rest/com/vmware/cis" if old else "/api/cis"
        status, answer = self.call(
            "POST", "/rest/com/vmware/cis/session" if old else "/api/session", headers=BASIC
        )
        assert status == (200 if old else 201)
        self.headers = {"vmware-api-session-id": answer}

    def call(
        self, verb: str, path: str, document: Any = None, *, headers: dict[str, str] | None = None
    ) -> Any:
        body = json.dumps(document).encode() if document is not None else b""
        status, _, answer = self.lab.http(verb, path, body=body, headers=headers or self.headers)
        value = json.loads(answer) if answer else None
        return status, value["value"] if self.old and status == 200 and value else value

    def tagging(self, verb: str, path: str, document: Any = None, *, action: str = "") -> Any:
        query = f"?{'~' if self.old else ''}action={action}" if action else ""
        if self.old and document is not None and not action:
            document = {"create_spec": document}
        status, answer = self.call(verb, f"{self.root}/tagging/{path}{query}", document)
        assert status in (200, 201, 204), answer
        return answer


@pytest.fixture(params=["api", "rest"])
def rest(lab: Lab, request) -> Rest:
    return Rest(lab, old=request.param == "rest")


def vm_id(lab: Lab, name: str) -> dict[str, str]:
    return {"id": lab.vm(lab.login().RetrieveContent(), name)._moId, "type": "VirtualMachine"}


def test_tags_of_many_objects_in_one_call(lab: Lab, rest: Rest):
    ids = [vm_id(lab, name) for name in ("tiny-01", "tiny-02", "tiny-03")]
    answer = rest.tagging(
        "POST", "tag-association", {"object_ids": ids}, action="list-attached-tags-on-objects"
    )
    names = {tag_id: rest.tagging("GET", f"tag/{tag_id}")["name"] for tag_id in rest.tagging("GET", "tag")}
    assert [[names[tag] for tag in each["tag_ids"]] for each in answer] == [["env:prod"], ["env:dev"], []]
    assert [each["object_id"] for each in answer] == ids


def test_create_attach_and_detach(lab: Lab, rest: Rest):
    category = rest.tagging("POST", "category", {"name": "migration", "cardinality": "SINGLE"})
    tag = rest.tagging("POST", "tag", {"name": "migrated", "category_id": category, "description": ""})
    assert rest.tagging("GET", f"category/{category}")["name"] == "migration"
    vm = vm_id(lab, "tiny-03")
    path = f"tag-association/{'id:' if rest.old else ''}{tag}"
    rest.tagging("POST", path, {"object_id": vm}, action="attach")
    assert lab.server.state()["tags"]["/DC1/Production/tiny-03"] == ["migrated"]
    assert rest.tagging("POST", path, {}, action="list-attached-objects") == [vm]
    rest.tagging("POST", path, {"object_id": vm}, action="detach")
    assert rest.tagging("POST", "tag-association", {"object_id": vm}, action="list-attached-tags") == []


def test_errors_carry_a_type(lab: Lab, rest: Rest):
    status, answer = rest.call("GET", f"{rest.root}/tagging/tag/urn:none")
    assert status == 404
    assert (answer["value"] if rest.old else answer)["error_type"] == "NOT_FOUND"
    rest.tagging("POST", "category", {"name": "twice"})
    document = {"name": "twice"}
    status, answer = rest.call(
        "POST", f"{rest.root}/tagging/category", {"create_spec": document} if rest.old else document
    )
    assert status == 400


@pytest.mark.parametrize("path", ["/api/session", "/rest/com/vmware/cis/session"])
def test_wrong_password(lab: Lab, path):
    headers = {"Authorization": "Basic " + base64.b64encode(b"x:y").decode()}
    assert lab.http("POST", path, headers=headers)[0] == 401


def test_without_a_session_nothing_is_told(lab: Lab):
    assert lab.http("GET", "/api/cis/tagging/tag")[0] == 401


def test_logout(lab: Lab, rest: Rest):
    path = "/rest/com/vmware/cis/session" if rest.old else "/api/session"
    assert rest.call("DELETE", path)[0] in (200, 204)
    assert rest.call("GET", f"{rest.root}/tagging/tag")[0] == 401

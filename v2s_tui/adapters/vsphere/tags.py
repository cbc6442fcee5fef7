"""Tags, over vCenter's REST face: `/api` of 7.0 and later, `/rest` before it.

Opened when tags are first needed, with a session of its own (SOAP's is not valid there), closed with the
source.
"""

import base64
import json
import threading
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from v2s_tui.adapters.vsphere.address import VcenterAddress
from v2s_tui.adapters.vsphere.values import decoded_name
from v2s_tui.adapters.vsphere.web import Answer, Web
from v2s_tui.domain.errors import LoginRefused, SourceError

CATEGORY = "v2s"
_BATCH = 1000
_OK = range(200, 300)
_NOT_TOLD = (403, 404)


class TagsUnavailableError(SourceError):
    """The server has no tagging service (a single ESXi host), or it answered something else. status: its
    HTTP status.
    """

    def __init__(self, title: str, *, hint: str, status: int) -> None:
        super().__init__(title, hint=hint)
        self.status = status
        self.transient = status >= 500


class Tags:
    """Tags of one vCenter. Errors: LoginRefused, SourceUnreachable, TagsUnavailableError."""

    def __init__(self, address: VcenterAddress, web: Web) -> None:
        self._address = address
        self._web = web
        self._lock = threading.RLock()
        self._token = ""
        self._old = False
        self._names: dict[str, str] = {}
        self._ours: dict[str, str] = {}

    def of_vms(self, morefs: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """VM moref -> its tags as `category/name`, sorted; VMs without tags are left out."""
        attached: dict[str, list[str]] = {}
        for start in range(0, len(morefs), _BATCH):
            objects = [_object(moref) for moref in morefs[start : start + _BATCH]]
            answer = self._act("tag-association", "list-attached-tags-on-objects", {"object_ids": objects})
            for item in answer or ():
                attached[str(item["object_id"]["id"])] = [str(tag) for tag in item["tag_ids"]]
        names = self._tag_names({tag for tags in attached.values() for tag in tags})
        known = {
            moref: sorted(names[tag] for tag in tags if tag in names) for moref, tags in attached.items()
        }
        return {moref: tuple(tags) for moref, tags in known.items() if tags}

    def attach(self, vm: str, tag: str) -> None:
        """Attach tag of category `v2s` to a VM, both made when missing."""
        with self._lock:
            tag_id = self._tag_id(tag)
        self._act(f"tag-association/{tag_id}", "attach", {"object_id": _object(vm)})

    def close(self) -> None:
        """End the REST session; never raises."""
        try:
            if self._token:
                self._web.request("DELETE", self._session_path, headers=self._headers())
        except SourceError:
            # It ends by itself; closing must not hide what went wrong before.
            return
        finally:
            self._token = ""

    def _tag_names(self, tag_ids: Iterable[str]) -> Mapping[str, str]:
        """Names by id; one that is gone by now, or not for us to see, has none."""
        for tag_id in tag_ids:
            if tag_id not in self._names:
                try:
                    self._names[tag_id] = self._tag_name(tag_id)
                except TagsUnavailableError as err:
                    if err.status not in _NOT_TOLD:
                        raise
        return self._names

    def _tag_name(self, tag_id: str) -> str:
        tag = self._get(f"tag/{tag_id}")
        return f"{self._category_name(str(tag['category_id']))}/{decoded_name(str(tag['name']))}"

    def _category_name(self, category_id: str) -> str:
        if category_id not in self._names:
            self._names[category_id] = decoded_name(str(self._get(f"category/{category_id}")["name"]))
        return self._names[category_id]

    def _category_id(self) -> str:
        for category_id in self._get("category"):
            if self._category_name(str(category_id)) == CATEGORY:
                return str(category_id)
        spec = {
            "name": CATEGORY,
            "description": "Set by v2s",
            "cardinality": "MULTIPLE",
            "associable_types": ["VirtualMachine"],
        }
        return str(self._post("category", spec))

    def _tag_id(self, name: str) -> str:
        """Id of the tag of our category, made when missing.

        All tags are listed once per process: the call that lists one category's is written differently by
        each version.
        """
        wanted = f"{CATEGORY}/{name}"
        if wanted not in self._ours:
            names = self._tag_names(str(tag_id) for tag_id in self._get("tag"))
            self._ours.update((found, tag_id) for tag_id, found in names.items())
        if wanted not in self._ours:
            spec = {"category_id": self._category_id(), "name": name, "description": "Set by v2s"}
            self._ours[wanted] = str(self._post("tag", spec))
        return self._ours[wanted]

    # --- the two faces ---

    def _get(self, path: str) -> Any:
        return self._send("GET", f"{{base}}/{_old_ids(path)}" if self._is_old() else f"{{base}}/{path}", None)

    def _post(self, path: str, spec: Mapping[str, Any]) -> Any:
        return self._send("POST", f"{{base}}/{path}", {"create_spec": spec} if self._is_old() else spec)

    def _act(self, path: str, action: str, body: Mapping[str, Any]) -> Any:
        """An action: `?action=` on /api, `?~action=` on /rest."""
        if self._is_old():
            return self._send("POST", f"{{base}}/{_old_ids(path)}?~action={action}", body)
        return self._send("POST", f"{{base}}/{path}?action={action}", body)

    def _is_old(self) -> bool:
        self._log_in()
        return self._old

    @property
    def _session_path(self) -> str:
        return "/rest/com/vmware/cis/session" if self._old else "/api/session"

    def _headers(self) -> dict[str, str]:
        return {"vmware-api-session-id": self._token, "Content-Type": "application/json"}

    def _log_in(self) -> None:
        with self._lock:
            if self._token:
                return
            for old in (False, True):
                self._old = old
                answer = self._web.request("POST", self._session_path, headers=self._basic())
                if answer.status in _OK:
                    self._token = str(self._value(answer))
                    return
                if answer.status == 401:
                    raise LoginRefused(
                        f"{self._address.netloc} refused the login for tags",
                        hint="Check the account's rights",
                    )
        raise self._unavailable(answer)

    def _basic(self) -> dict[str, str]:
        pair = f"{self._address.username}:{self._address.password()}".encode()
        return {"Authorization": "Basic " + base64.b64encode(pair).decode()}

    def _send(self, method: str, path: str, body: Mapping[str, Any] | None) -> Any:
        """One call; a REST session that expired is renewed once."""
        answer = self._send_once(method, path, body)
        if answer.status == 401:
            self._token = ""
            self._log_in()
            answer = self._send_once(method, path, body)
        if answer.status not in _OK:
            raise self._unavailable(answer)
        return self._value(answer)

    def _send_once(self, method: str, path: str, body: Mapping[str, Any] | None) -> Answer:
        base = "/rest/com/vmware/cis/tagging" if self._old else "/api/cis/tagging"
        content = None if body is None else json.dumps(body).encode()
        return self._web.request(
            method, path.format(base=base), body=content, headers=self._headers(), repeatable=method == "GET"
        )

    def _value(self, answer: Answer) -> Any:
        if not answer.body:
            return None
        try:
            value = json.loads(answer.body)
        except ValueError as err:
            raise self._unavailable(answer) from err
        return value.get("value") if self._old and isinstance(value, dict) else value

    def _unavailable(self, answer: Answer) -> TagsUnavailableError:
        return TagsUnavailableError(
            f"{self._address.netloc} gives no tags (status {answer.status})",
            hint="A single ESXi host has none; on a vCenter, is its tagging service running?",
            status=answer.status,
        )


def _object(moref: str) -> dict[str, str]:
    return {"id": moref, "type": "VirtualMachine"}


def _old_ids(path: str) -> str:
    """`tag/ID` as /rest writes it, `tag/id:ID`."""
    kind, slash, identifier = path.partition("/")
    return f"{kind}/id:{identifier}" if slash else path

"""PropertyCollector, reading once: RetrievePropertiesEx with paging, and the older RetrieveProperties."""

import secrets
from typing import Any

from pyVmomi import vmodl

from v2s_tui.lab.vcenter.dispatch import Call, not_authenticated, soap_method
from v2s_tui.lab.vcenter.selection import Selected, content_xml, missing_xml, select
from v2s_tui.lab.vcenter.sessions import SessionObject
from v2s_tui.lab.vcenter.soap import RawXml


class RetrievalRest(SessionObject):
    """The pages of an answer that were not fetched yet; its id is the token."""

    kind = vmodl.query.PropertyCollector  # never shown on the wire

    def __init__(self, selected: list[Selected], *, page_size: int) -> None:
        super().__init__(secrets.token_hex(8))
        self.selected, self.page_size = selected, page_size


def _retrieve_properties_ex(call: Call) -> RawXml:
    if call.session is None:
        return _unauthenticated(call)
    selected = _selected(call)
    options = call.argument("options")
    page_size = (options.maxObjects if options else None) or max(1, len(selected))
    return _page(call, selected, page_size)


def _unauthenticated(call: Call) -> RawXml:
    """An expired session is answered with success here: every property is missing for want of a login."""
    fault = not_authenticated(call.request.this)
    specs = call.argument("specSet", [])
    paths = [path for spec in specs for wanted in spec.propSet for path in wanted.pathSet] or ["name"]
    objects = (missing_xml(start.obj, paths, fault) for spec in specs for start in spec.objectSet)
    return RawXml(f"<returnval>{''.join(objects)}</returnval>")


_retrieve_properties_ex.handles_expiry = True  # type: ignore[attr-defined]  # read by the dispatcher
soap_method("RetrievePropertiesEx")(_retrieve_properties_ex)


def _selected(call: Call) -> list[Selected]:
    return [pair for spec in call.argument("specSet", []) for pair in select(call.world, spec)]


def _page(call: Call, selected: list[Selected], page_size: int) -> RawXml:
    """The first page, with a token for the rest where there is one."""
    objects = "".join(content_xml(entity, paths) for entity, paths in selected[:page_size])
    token = ""
    if len(selected) > page_size:
        rest = RetrievalRest(selected[page_size:], page_size=page_size)
        call.owner().objects[rest.moid] = rest
        token = f"<token>{rest.moid}</token>"
    if not objects:
        return RawXml("")
    return RawXml(f"<returnval>{token}{objects}</returnval>")


def _take_rest(call: Call) -> RetrievalRest:
    rest = call.owner().objects.pop(call.argument("token", ""), None)
    if not isinstance(rest, RetrievalRest):
        raise vmodl.fault.InvalidArgument(invalidProperty="token", msg="The token is unknown or was used.")
    return rest


@soap_method("ContinueRetrievePropertiesEx")
def continue_retrieve_properties_ex(call: Call) -> RawXml:
    rest = _take_rest(call)
    living = [(entity, paths) for entity, paths in rest.selected if entity.moid in call.world.entities]
    return _page(call, living, rest.page_size)


@soap_method("CancelRetrievePropertiesEx")
def cancel_retrieve_properties_ex(call: Call) -> None:
    _take_rest(call)


@soap_method("RetrieveProperties")
def retrieve_properties(call: Call) -> Any:
    objects = "".join(content_xml(entity, paths) for entity, paths in _selected(call))
    return RawXml(objects.replace("<objects>", "<returnval>").replace("</objects>", "</returnval>"))

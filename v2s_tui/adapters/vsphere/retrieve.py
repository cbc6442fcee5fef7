"""Reading properties: hand-built RetrievePropertiesEx over our own connection, answered page by page."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from xml.sax.saxutils import escape, quoteattr

from v2s_tui.adapters.vsphere import faults
from v2s_tui.adapters.vsphere.answer import BadAnswer, ObjectContent, read_page
from v2s_tui.adapters.vsphere.faults import NOT_AUTHENTICATED, VimFault
from v2s_tui.adapters.vsphere.session import Session
from v2s_tui.adapters.vsphere.values import Ref, Value, parts_of, text_of
from v2s_tui.domain.errors import SourceError, SourceUnreachable

PAGE_SIZE = 500
_UNKNOWN_PROPERTY = "InvalidProperty"
PropertySet = Mapping[str, Sequence[str]]
"""Managed object type -> property paths."""

_ENVELOPE = (
    '<?xml version="1.0" encoding="UTF-8"?>'
    '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"'
    ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><soapenv:Body>'
    '<{method} xmlns="urn:vim25">{body}</{method}></soapenv:Body></soapenv:Envelope>'
)
_THROUGH_VIEW = (
    '<objectSet><obj type="ContainerView">{view}</obj><skip>true</skip>'
    '<selectSet xsi:type="TraversalSpec"><type>ContainerView</type><path>view</path><skip>false</skip>'
    "</selectSet></objectSet>"
)


class Retriever:
    """Property reads of one session. It expired: VimFault NotAuthenticated, in whichever form that came."""

    def __init__(self, session: Session) -> None:
        self._session = session

    @property
    def root_moref(self) -> str:
        """moref of the inventory's root folder."""
        return str(self._session.content.rootFolder._moId)

    @contextmanager
    def view(self, kinds: Sequence[str]) -> Iterator[str]:
        """A ContainerView over everything of these types; it dies with the session it was made in."""
        session = self._session
        content = session.content
        types = [type(session.managed(kind, "")) for kind in kinds]
        view = session.attempt(
            lambda: content.viewManager.CreateContainerView(
                container=content.rootFolder, type=types, recursive=True
            )
        )
        try:
            yield str(view._moId)
        finally:
            self._destroy(view)

    def _destroy(self, view: object) -> None:
        try:
            self._session.once(view.DestroyView, repeatable=True)  # type: ignore[attr-defined]
        except (VimFault, SourceError):
            # It went with its session; what really happened is already on its way up.
            return

    def through_view(self, view: str, wanted: PropertySet) -> Iterator[list[ObjectContent]]:
        """Pages of the view's objects. Raises VimFault, SourceUnreachable, SourceError."""
        return self._pages(_THROUGH_VIEW.format(view=escape(view)), wanted)

    def of(self, refs: Sequence[Ref], wanted: PropertySet) -> Iterator[list[ObjectContent]]:
        """Pages of these objects. VimFault ManagedObjectNotFound when one of them is gone."""
        objects = "".join(
            f"<objectSet><obj type={quoteattr(ref.kind)}>{escape(ref.id)}</obj></objectSet>" for ref in refs
        )
        return self._pages(objects, wanted)

    def read(self, doing: str, ref: Ref, *paths: str) -> Mapping[str, Value]:
        """Properties of one object, with a session renewed once; unset ones are left out.

        Raises SourceError (kind ManagedObjectNotFound when it is gone) and its kinds.
        """
        with faults.told_as(doing):
            return self._session.renewing(lambda: self._read_once(ref, paths))

    def _read_once(self, ref: Ref, paths: Sequence[str]) -> Mapping[str, Value]:
        for page in self.of([ref], {ref.kind: paths}):
            for found in page:
                return found.props
        return {}

    def _pages(self, objects: str, wanted: PropertySet) -> Iterator[list[ObjectContent]]:
        collector = (
            f'<_this type="PropertyCollector">{escape(self._session.content.propertyCollector._moId)}</_this>'
        )
        page, token = self._first_page(collector, objects, wanted)
        while True:
            _refuse_expired(page)
            yield page
            if not token:
                return
            page, token = self._post(
                "ContinueRetrievePropertiesEx", f"{collector}<token>{escape(token)}</token>", repeatable=False
            )

    def _first_page(
        self, collector: str, objects: str, wanted: PropertySet
    ) -> tuple[list[ObjectContent], str]:
        """A property that this server does not know (older, or a simulator) fails the whole call: it is then
        left out, and counts as not told.
        """
        while True:
            body = (
                f"{collector}<specSet>{_property_sets(wanted)}{objects}</specSet>"
                f"<options><maxObjects>{PAGE_SIZE}</maxObjects></options>"
            )
            try:
                return self._post("RetrievePropertiesEx", body)
            except VimFault as fault:
                known = {
                    kind: [path for path in paths if path != fault.name] for kind, paths in wanted.items()
                }
                if fault.kind != _UNKNOWN_PROPERTY or _size(known) == _size(wanted):
                    raise
                wanted = known

    def _post(self, method: str, body: str, *, repeatable: bool = True) -> tuple[list[ObjectContent], str]:
        """A page of objects, and the token of the next ("" after the last)."""
        answer = self._session.web.request(
            "POST",
            "/sdk",
            body=_ENVELOPE.format(method=method, body=body).encode(),
            headers={
                "Content-Type": "text/xml; charset=utf-8",
                "SOAPAction": self._session.soap_action,
                "Cookie": self._session.cookie,
            },
            repeatable=repeatable,
        )
        if answer.status not in (200, 500):
            kind = SourceUnreachable if answer.status >= 500 else BadAnswer
            raise kind(
                f"{self._session.address.netloc} answered {method} with status {answer.status}",
                hint="Retry; is vCenter starting or overloaded?",
            )
        name, parts, page = read_page(answer.body)
        if name == "Fault":
            raise faults.from_soap(parts)
        return page, text_of(parts_of(parts.get("returnval")).get("token"))


def _size(wanted: PropertySet) -> int:
    return sum(map(len, wanted.values()))


def _property_sets(wanted: PropertySet) -> str:
    return "".join(
        f"<propSet><type>{escape(kind)}</type><all>false</all>"
        + "".join(f"<pathSet>{escape(path)}</pathSet>" for path in paths)
        + "</propSet>"
        for kind, paths in wanted.items()
    )


def _refuse_expired(page: list[ObjectContent]) -> None:
    """Some servers answer an expired session with success: nothing in it, NotAuthenticated as the reason."""
    if any(NOT_AUTHENTICATED in found.missing.values() for found in page):
        raise VimFault(NOT_AUTHENTICATED)

"""The quick way through a page whose values are all simple, as those of the list are: cut at `<`, no tree.

Exact, not approximate: expat has found the document well-formed and free of comments, raw sections and
instructions, so every `<` begins a tag. Whatever is not spelt precisely as expected makes the answer None,
and the page is read the general way (answer.py). Tests hold both ways to the same result.
"""

import re

from v2s_tui.adapters.vsphere.values import Ref, Value, unescaped

_PROPERTY = "<propSet><name>"
_OBJECT = "<objects>"
_OBJECT_END = "</objects>"
_BEFORE = ("<returnval>", "</token>")
_AFTER = ("</returnval>", "<token>")
_ATTRIBUTES = re.compile(r"""val((?:\s+[\w:.-]+="[^"<>&]*")*)\s*""")
_REF_KIND = re.compile(r'\stype="([^"]*)"')
_OBJ = re.compile(r'obj type="(\w+)">([^<>&]*)')
_UNTYPED_WHEN_EMPTY = re.compile(r'^(?!.*:type=)|:type="xsd?:')

Found = list[tuple[Ref, dict[str, Value]]]


def cut_out(document: str) -> tuple[str, Found] | None:
    """The document without its objects, and these; None where it is not of the simple kind.

    document: well-formed XML.
    """
    start, end = document.find(_OBJECT), document.rfind(_OBJECT_END) + len(_OBJECT_END)
    before, section, after = document[:start], document[start:end], document[end:]
    if not (before.endswith(_BEFORE) and after.startswith(_AFTER)):
        return None
    if "<!" in document or document.rfind("<?") > 0:
        return None
    found = _read(section)
    return None if found is None else (before + after, found)


def _read(section: str) -> Found | None:
    first, *pieces = section.split(_PROPERTY)
    found: Found = []
    if not _open_objects(["/objects>", *first.split("<")[1:]], found):
        return None
    props = found[-1][1] if found else {}
    kinds: dict[str, str | None] = {}
    for piece in pieces:
        parts = piece.split("<")
        if len(parts) < 5 or (parts[1], parts[3], parts[4]) != ("/name>", "/val>", "/propSet>"):
            return None
        start, closed, text = parts[2].partition(">")
        kind = kinds.get(start, "?")
        if kind == "?":
            kind = kinds[start] = _ref_kind(start)
        if kind is None or not closed or (not text and not _UNTYPED_WHEN_EMPTY.search(start)):
            return None
        if "&" in piece:
            if "&" in parts[0]:
                return None
            text = unescaped(text)
        props[parts[0]] = Ref(kind, text) if kind else text
        if len(parts) > 5:
            if not _open_objects(parts[5:], found):
                return None
            props = found[-1][1]
    return found


def _ref_kind(start: str) -> str | None:
    """Kind of reference that a value's tag announces, "" for a plain value, None for an odd tag."""
    attributes = _ATTRIBUTES.fullmatch(start)
    if attributes is None:
        return None
    kind = _REF_KIND.search(attributes[1])
    return kind[1] if kind else ""


def _open_objects(parts: list[str], found: Found) -> bool:
    """Close an object and open the next: `</objects><objects><obj ...>id</obj>`, as often as it comes."""
    while parts:
        if parts[0] != "/objects>":
            return False
        if len(parts) == 1:
            return True
        opened = _OBJ.fullmatch(parts[2]) if len(parts) >= 4 else None
        if opened is None or parts[1] != "objects>" or parts[3] != "/obj>":
            return False
        found.append((Ref(opened[1], opened[2]), {}))
        parts = parts[4:]
    return True

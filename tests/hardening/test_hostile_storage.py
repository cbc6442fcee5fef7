"""An Object Storage that lies: broken XML, missing fields, HTML, entities, an object that was not sent."""

import random
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from campaign import Campaign, damaged_bytes
from scripted_api import Asked, Say, ScriptedApi

from v2s_tui.adapters.objectstore.access import StorageAccess
from v2s_tui.adapters.objectstore.store import S3ObjectStore
from v2s_tui.domain.errors import OutsideError, StorageError
from v2s_tui.domain.execution.progress import StageProgress

HEAD = '<?xml version="1.0" encoding="UTF-8"?>'
SPACE = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'
STAMP = "2026-01-01T00:00:00.000Z"
ITEM = (
    f"<Key>migrations/x</Key><LastModified>{STAMP}</LastModified><ETag>&quot;abc&quot;</ETag><Size>5</Size>"
)
UPLOAD = f"<Upload><Key>migrations/x</Key><UploadId>u1</UploadId><Initiated>{STAMP}</Initiated></Upload>"
PART = "<PartNumber>1</PartNumber><ETag>abc</ETag><Size>5</Size><ChecksumCRC32>AAAAAA==</ChecksumCRC32>"


def document(root: str, content: str) -> bytes:
    return f"{HEAD}<{root} {SPACE}><IsTruncated>false</IsTruncated>{content}</{root}>".encode()


OBJECTS = document("ListBucketResult", f"<Contents>{ITEM}</Contents>")
UPLOADS = document("ListMultipartUploadsResult", UPLOAD)
PARTS = document("ListPartsResult", f"<Part>{PART}</Part>")
BEGUN = document("InitiateMultipartUploadResult", "<UploadId>u1</UploadId>")
CALLS = {
    "objects": (OBJECTS, lambda store: store.list_objects("b", "migrations/")),
    "uploads": (UPLOADS, lambda store: store.list_uploads("b", "migrations/")),
    "parts": (PARTS, lambda store: store.list_parts("b", "migrations/x", "u1")),
    "begin": (BEGUN, lambda store: store.begin_upload("b", "migrations/x")),
}
BOMB = (
    '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">'
    + "".join(f'<!ENTITY {new} "{f"&{old};" * 10}">' for old, new in zip("abcdefg", "bcdefgh", strict=True))
    + "]>"
)


@pytest.fixture
def storage() -> Iterator[tuple[ScriptedApi, S3ObjectStore]]:
    api = ScriptedApi()
    store = S3ObjectStore(StorageAccess(api.url, "fr-par", "SCWXXXXXXXXXXXXXXXXX", "secret", attempts=0))
    yield api, store
    store.close()
    api.stop()


@pytest.mark.parametrize("name", CALLS)
def test_damaged_answers(storage: tuple[ScriptedApi, S3ObjectStore], name: str) -> None:
    api, store = storage
    chance, campaign = random.Random(51), Campaign((OutsideError,))
    good, call = CALLS[name]
    for _ in range(120):
        say = Say(chance.choice((200, 200, 200, 400, 403, 500)), damaged_bytes(good, chance))
        api.otherwise = lambda _asked, say=say: say
        campaign.feed(lambda: call(store))
    campaign.report(f"Object Storage answers, {name}")


@pytest.mark.parametrize("name", CALLS)
def test_answers_of_another_kind(storage: tuple[ScriptedApi, S3ObjectStore], name: str) -> None:
    api, store = storage
    campaign = Campaign((OutsideError,))
    good, call = CALLS[name]
    bodies = (
        b"",
        b"<html>busy</html>",
        b"null",
        b"\xff\xfe",
        b"<a>" * 20_000,
        HEAD.encode()
        + BOMB.encode()
        + good.partition(b"?>")[2].replace(b"u1", b"&h;").replace(b"/x", b"&h;"),
        *(good.replace(tag, b"Other") for tag in (b"Key", b"UploadId", b"PartNumber", b"ETag", b"Size")),
        good.replace(b"<Size>5</Size>", b"<Size>many</Size>"),
        good.replace(STAMP.encode(), b"yesterday"),
    )
    for status in (200, 404, 503):
        for body in bodies:
            say = Say(status, body)
            api.otherwise = lambda _asked, say=say: say
            campaign.feed(lambda: call(store))
    campaign.report(f"Object Storage answers of another kind, {name}")


@pytest.mark.parametrize("name", ["objects", "uploads", "parts"])
@pytest.mark.parametrize("body", [b"", b"<html>sign in first</html>"], ids=["empty", "html"])
def test_a_page_of_somebody_between_is_no_empty_list(
    storage: tuple[ScriptedApi, S3ObjectStore], name: str, body: bytes
) -> None:
    api, store = storage
    api.otherwise = lambda _asked: Say(200, body)
    with pytest.raises(StorageError, match="not a list"):
        CALLS[name][1](store)


@pytest.mark.parametrize(
    ("length", "etag"), [("4", '"x-1"'), ("0", '"x-1"'), ("5", '"00000000000000000000000000000000-1"')]
)
def test_an_object_that_is_not_what_was_sent_is_refused(
    storage: tuple[ScriptedApi, S3ObjectStore], tmp_path: Path, length: str, etag: str
) -> None:
    """The server takes everything and says so; what it then holds is compared in size and digest."""
    api, store = storage
    disk = tmp_path / "disk"
    disk.write_bytes(b"12345")

    def answer(asked: Asked) -> Say:
        if asked.method == "HEAD":
            return Say(
                200, b"x" * int(length), {"ETag": etag, "Last-Modified": "Thu, 01 Jan 2026 00:00:00 GMT"}
            )
        if asked.method == "PUT":
            return Say(200, b"", {"ETag": '"827ccb0eea8a706c4c34a16891f84e7b"'})
        if asked.method == "GET":
            return Say(200, PARTS.replace(b"Part>", b"Other>"))
        return Say(200, f"{HEAD}<CompleteMultipartUploadResult {SPACE}/>".encode())

    api.otherwise = answer
    with pytest.raises(StorageError):
        store.upload_file(disk, "b", "k", "u1", progress=StageProgress(), cancelled=threading.Event())
    assert [each.method for each in api.asked].count("PUT") == 1

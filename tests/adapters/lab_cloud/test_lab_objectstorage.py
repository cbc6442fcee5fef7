"""Swift's S3 API as the lab serves it, through aioboto3 over TLS."""

import asyncio
import base64
import hashlib
import os
import socket
import time
import zlib
from typing import Any

import aiohttp
import pytest
import requests
from botocore.exceptions import BotoCoreError, ClientError
from cloud_under_test import ACCESS_KEY, BUCKET, Cloud

MIB = 1 << 20


def crc32(data: bytes) -> str:
    return base64.b64encode(zlib.crc32(data).to_bytes(4, "big")).decode()


def crc32c(data: bytes) -> str:
    """CRC-32C (Castagnoli), bit by bit: slow and plain."""
    register = 0xFFFFFFFF
    for byte in data:
        register ^= byte
        for _ in range(8):
            register = register >> 1 ^ (0x82F63B78 if register & 1 else 0)
    return base64.b64encode((register ^ 0xFFFFFFFF).to_bytes(4, "big")).decode()


async def start_upload(client: Any, key: str) -> dict[str, Any]:
    answer = await client.create_multipart_upload(Bucket=BUCKET, Key=key)
    return {"Bucket": BUCKET, "Key": key, "UploadId": answer["UploadId"]}


def code(failed: pytest.ExceptionInfo[ClientError]) -> str:
    return str(failed.value.response["Error"]["Code"])


async def test_parts_in_any_order_become_one_object(cloud: Cloud) -> None:
    parts = {1: os.urandom(5 * MIB), 2: os.urandom(5 * MIB), 3: b"the end"}
    async with cloud.s3() as client:
        upload = await start_upload(client, "disks/a.qcow2")
        etags = {}
        for number in (3, 1, 2):
            answer = await client.upload_part(
                **upload, PartNumber=number, Body=parts[number], ChecksumCRC32=crc32(parts[number])
            )
            etags[number] = answer["ETag"]
        listed = await client.list_parts(**upload)
        under_way = await client.list_multipart_uploads(Bucket=BUCKET)
        seen_by_lab = cloud.objectstorage.reader.uploads(BUCKET)
        await client.complete_multipart_upload(
            **upload,
            MultipartUpload={"Parts": [{"PartNumber": n, "ETag": etags[n]} for n in (1, 2, 3)]},
        )
        found = await client.get_object(
            Bucket=BUCKET, Key="disks/a.qcow2", Range=f"bytes={10 * MIB}-{10 * MIB + 6}"
        )
        tail = await found["Body"].read()
        objects = await client.list_objects_v2(Bucket=BUCKET, Prefix="disks/")
    assert [part["PartNumber"] for part in listed["Parts"]] == [1, 2, 3]
    assert [each["UploadId"] for each in under_way["Uploads"]] == [upload["UploadId"]]
    assert [(each.key, each.upload_id) for each in seen_by_lab] == [("disks/a.qcow2", upload["UploadId"])]
    assert tail == b"the end"
    assert [(each["Key"], each["Size"]) for each in objects["Contents"]] == [("disks/a.qcow2", 10 * MIB + 7)]
    digests = b"".join(hashlib.md5(parts[n], usedforsecurity=False).digest() for n in (1, 2, 3))
    assert found["ETag"] == f'"{hashlib.md5(digests, usedforsecurity=False).hexdigest()}-3"'
    assert cloud.objectstorage.reader.uploads(BUCKET) == []


async def test_checksums_are_verified(cloud: Cloud) -> None:
    async with cloud.s3() as client:
        upload = await start_upload(client, "checked.qcow2")
        await client.upload_part(**upload, PartNumber=1, Body=b"abc", ChecksumCRC32C=crc32c(b"abc"))
        with pytest.raises(ClientError) as failed:
            await client.upload_part(**upload, PartNumber=2, Body=b"abc", ChecksumCRC32=crc32(b"abd"))
        await client.abort_multipart_upload(**upload)
    assert code(failed) == "BadDigest"


async def test_part_1000_is_the_last(cloud: Cloud) -> None:
    async with cloud.s3() as client:
        upload = await start_upload(client, "many.qcow2")
        await client.upload_part(**upload, PartNumber=1000, Body=b"x")
        with pytest.raises(ClientError) as failed:
            await client.upload_part(**upload, PartNumber=1001, Body=b"x")
        await client.abort_multipart_upload(**upload)
    assert code(failed) == "InvalidArgument"
    assert "between 1 and 1000" in str(failed.value)


async def test_small_parts_before_the_last_are_refused(cloud: Cloud) -> None:
    async with cloud.s3() as client:
        upload = await start_upload(client, "small.qcow2")
        parts = []
        for number in (1, 2):
            answer = await client.upload_part(**upload, PartNumber=number, Body=b"x" * 1000)
            parts.append({"PartNumber": number, "ETag": answer["ETag"]})
        with pytest.raises(ClientError) as failed:
            await client.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
        await client.abort_multipart_upload(**upload)
    assert code(failed) == "EntityTooSmall"


async def test_an_aborted_upload_is_gone(cloud: Cloud) -> None:
    async with cloud.s3() as client:
        upload = await start_upload(client, "given-up.qcow2")
        await client.upload_part(**upload, PartNumber=1, Body=b"x")
        await client.abort_multipart_upload(**upload)
        with pytest.raises(ClientError) as failed:
            await client.list_parts(**upload)
    assert code(failed) == "NoSuchUpload"
    assert not [each for each in cloud.objectstorage.reader.uploads(BUCKET) if each.key == "given-up.qcow2"]


async def test_a_presigned_part_needs_no_key(cloud: Cloud) -> None:
    async with cloud.s3() as client:
        upload = await start_upload(client, "presigned.qcow2")
        url = await client.generate_presigned_url("upload_part", Params=upload | {"PartNumber": 1})
        answer = await asyncio.to_thread(
            requests.put, url, data=b"presigned", verify=str(cloud.tls.ca_file), timeout=20
        )
        listed = await client.list_parts(**upload)
        await client.abort_multipart_upload(**upload)
    assert answer.status_code == 200
    assert [part["Size"] for part in listed["Parts"]] == [9]


async def test_wrong_secret_and_unknown_key_are_told_apart(cloud: Cloud) -> None:
    async with cloud.s3(secret_key="00000000-0000-4000-8000-000000000000") as client:
        with pytest.raises(ClientError) as wrong_secret:
            await client.list_buckets()
    async with cloud.s3(access_key=ACCESS_KEY[:-1] + "X") as client:
        with pytest.raises(ClientError) as unknown_key:
            await client.list_buckets()
    assert code(wrong_secret) == "SignatureDoesNotMatch"
    assert code(unknown_key) == "InvalidAccessKeyId"


async def test_lifecycle_is_not_implemented_and_makes_no_bucket(cloud: Cloud) -> None:
    rule = {"ID": "stale", "Status": "Enabled", "Prefix": "", "Expiration": {"Days": 1}}
    async with cloud.s3() as client:
        with pytest.raises(ClientError) as failed:
            await client.put_bucket_lifecycle_configuration(
                Bucket="never-made", LifecycleConfiguration={"Rules": [rule]}
            )
        buckets = await client.list_buckets()
    assert failed.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501
    assert code(failed) == "NotImplemented"
    assert "never-made" not in [each["Name"] for each in buckets["Buckets"]]


async def test_deleted_objects_are_gone(cloud: Cloud) -> None:
    async with cloud.s3() as client:
        for key in ("gone/1", "gone/2"):
            await client.put_object(Bucket=BUCKET, Key=key, Body=b"x")
        await client.delete_object(Bucket=BUCKET, Key="gone/1")
        await client.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": "gone/2"}]})
        with pytest.raises(ClientError) as failed:
            await client.head_object(Bucket=BUCKET, Key="gone/1")
        left = await client.list_objects_v2(Bucket=BUCKET, Prefix="gone/")
        location = await client.get_bucket_location(Bucket=BUCKET)
    assert failed.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404
    assert left["KeyCount"] == 0
    assert location["LocationConstraint"] == "fr-par"


async def test_a_silent_client_stops_nobody(cloud: Cloud) -> None:
    with socket.create_connection(("127.0.0.1", cloud.objectstorage.port)):
        started = time.monotonic()
        async with cloud.s3() as client:
            await client.list_buckets()
        assert time.monotonic() - started < 5


async def test_busy_parts_pass_when_tried_again(faulty: Cloud) -> None:
    async with faulty.s3() as client:
        upload = await start_upload(client, "busy.qcow2")
        codes = []
        for _ in range(3):
            try:
                await client.upload_part(**upload, PartNumber=1, Body=b"x" * 1000)
            except ClientError as err:
                codes.append(err.response["Error"]["Code"])
    assert codes == ["SlowDown", "SlowDown"]


async def test_a_cut_part_is_not_there(faulty: Cloud) -> None:
    """Two cuts: aiohttp itself may try once more when a connection that it used before breaks."""
    failures = []
    async with faulty.s3() as client:
        upload = await start_upload(client, "cut.qcow2")
        for _ in range(2):
            try:
                await client.upload_part(**upload, PartNumber=1, Body=os.urandom(MIB))
            except BotoCoreError as err:
                failures.append(err)
                listed = await client.list_parts(**upload)
                assert listed.get("Parts", []) == []
        await client.upload_part(**upload, PartNumber=1, Body=b"whole")
        again = await client.list_parts(**upload)
    assert failures
    assert [part["Size"] for part in again["Parts"]] == [5]


async def test_a_cut_download_does_not_pass_for_whole(faulty: Cloud) -> None:
    async with faulty.s3() as client:
        await client.put_object(Bucket=BUCKET, Key="cut/d", Body=b"x" * 50_000)
        answer = await client.get_object(Bucket=BUCKET, Key="cut/d")
        with pytest.raises((BotoCoreError, aiohttp.ClientError)):
            await answer["Body"].read()
        answer["Body"].close()
        again = await client.get_object(Bucket=BUCKET, Key="cut/d")
        assert await again["Body"].read() == b"x" * 50_000


async def test_slow_calls_take_their_time(faulty: Cloud) -> None:
    async with faulty.s3() as client:
        started = time.monotonic()
        await client.put_object(Bucket=BUCKET, Key="slow", Body=b"x" * 400_000)
        uploaded = time.monotonic()
        await client.head_object(Bucket=BUCKET, Key="slow")
        answered = time.monotonic()
    assert uploaded - started > 0.3
    assert answered - uploaded > 0.35

"""What an error of Object Storage means to v2s."""

import re
from typing import Any

from v2s_tui.domain.errors import NotFound, OutsideError, StorageError, StorageUnavailable

_TRANSIENT_CODES = frozenset(
    {
        "SlowDown",
        "ServiceUnavailable",
        "InternalError",
        "RequestTimeout",
        "TooManyRequests",
        "Throttling",
        "BadDigest",
        "XAmzContentChecksumMismatch",
        "IncompleteBody",
    }
)
"""Worth sending again: throttling, faults on their side, and bytes damaged on the way."""
_OTHER_REGION = "the bucket is in another region; the import needs it in the zone's own"
_HINTS = {
    "SignatureDoesNotMatch": "check scaleway.secret_key",
    "InvalidAccessKeyId": "check scaleway.access_key",
    "AccessDenied": "give the API key's policy ObjectStorageFullAccess, or name a bucket it may use",
    "RequestTimeTooSkewed": "set this host's clock (NTP)",
    "BucketAlreadyExists": "bucket names are shared by all customers; choose another scaleway.s3_bucket",
    "PermanentRedirect": _OTHER_REGION,
    "QuotaExceeded": "Object Storage's quota is used up",
    "301": _OTHER_REGION,
    "403": "check the keys, give their policy ObjectStorageFullAccess, and see whether scaleway.s3_bucket is "
    "your own: bucket names are shared by all customers",
}
"""By S3's code; an answer to HEAD has no body, so that its status must do."""
_MISSING = frozenset({"NoSuchKey", "NoSuchUpload", "NoSuchBucket", "404"})


def storage_error(what: str, code: str, message: str, status: int, request_id: str = "") -> OutsideError:
    """The domain error for an error answer. code: S3's, or the HTTP status where there was no body."""
    tail = f" (request {request_id})" if request_id else ""
    title = f"Object Storage refused to {what}: {code or status} {message}".rstrip() + tail
    if code in _MISSING or status == 404:
        return NotFound(title, status=status, kind=code)
    if code in _TRANSIENT_CODES or status >= 500 or status == 429:
        return StorageUnavailable(title, hint="throttled or a fault on their side; it is tried again")
    return StorageError(title, hint=_HINTS.get(code, ""))


def from_client_error(what: str, err: Any) -> OutsideError:
    """For botocore's ClientError."""
    answer = err.response
    meta = answer.get("ResponseMetadata", {})
    error = answer.get("Error", {})
    return storage_error(
        what,
        str(error.get("Code", "")),
        str(error.get("Message", "")),
        int(meta.get("HTTPStatusCode", 0)),
        str(meta.get("RequestId", "")),
    )


def from_xml(what: str, status: int, body: bytes, request_id: str) -> OutsideError:
    """For a raw HTTP answer whose body may be S3's XML, HTML or empty."""
    text = body.decode("utf-8", errors="replace")
    code = re.search(r"<Code>([^<]*)</Code>", text)
    message = re.search(r"<Message>([^<]*)</Message>", text)
    return storage_error(
        what, code.group(1) if code else "", message.group(1) if message else "", status, request_id
    )


def no_answer(what: str, err: BaseException) -> OutsideError:
    """For a connection that was refused, lost, timed out, or whose certificate does not verify."""
    reason = _without_signature(str(err))
    if "certificate" in reason.lower():
        return StorageError(
            f"TLS to Object Storage failed on {what}: {reason}",
            hint="give scaleway.ca_file when a proxy signs with its own certificate",
        )
    return StorageUnavailable(
        f"no answer from Object Storage on {what}: {reason}",
        hint="check the network and scaleway.s3_endpoint",
    )


def _without_signature(text: str) -> str:
    """A part's URL lets its bearer write that part for hours; no error may carry it into logs."""
    return re.sub(r"\?[^\s'\")]*X-Amz-[^\s'\")]*", "?(signature left out)", text)

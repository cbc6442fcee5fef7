"""Names for S3 calls, as S3's own documentation writes them: what fault rules are written against."""

from urllib.parse import parse_qs

_WITH_UPLOAD = {
    "GET": "ListParts",
    "PUT": "UploadPart",
    "POST": "CompleteMultipartUpload",
    "DELETE": "AbortMultipartUpload",
}
_ON_OBJECT = {"GET": "GetObject", "HEAD": "HeadObject", "PUT": "PutObject", "DELETE": "DeleteObject"}
_ON_BUCKET = {"GET": "ListObjects", "HEAD": "HeadBucket", "PUT": "CreateBucket", "DELETE": "DeleteBucket"}


def operation_name(method: str, path: str, query: str) -> str:
    """The operation that a path-style request means; `METHOD /path` where it has no name here."""
    bucket, _, key = path.lstrip("/").partition("/")
    parameters = parse_qs(query, keep_blank_values=True)
    if key:
        name = _object_operation(method, parameters)
    elif bucket:
        name = _bucket_operation(method, parameters)
    else:
        name = "ListBuckets" if method == "GET" else None
    return name or f"{method} {path}"


def _object_operation(method: str, parameters: dict[str, list[str]]) -> str | None:
    if "uploadId" in parameters:
        return _WITH_UPLOAD.get(method)
    if "uploads" in parameters and method == "POST":
        return "CreateMultipartUpload"
    return _ON_OBJECT.get(method)


def _bucket_operation(method: str, parameters: dict[str, list[str]]) -> str | None:
    if method == "POST" and "delete" in parameters:
        return "DeleteObjects"
    if method == "GET" and "uploads" in parameters:
        return "ListMultipartUploads"
    if method == "GET" and "location" in parameters:
        return "GetBucketLocation"
    return _ON_BUCKET.get(method)

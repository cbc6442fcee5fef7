"""An object into a file, by plain HTTP."""

from pathlib import Path

import requests

from v2s_tui.adapters.objectstore.access import StorageAccess
from v2s_tui.adapters.objectstore.failures import from_xml, no_answer
from v2s_tui.adapters.objectstore.file_window import CHUNK_BYTES
from v2s_tui.domain.errors import StorageUnavailable


def save(session: requests.Session, access: StorageAccess, what: str, url: str, target: Path) -> None:
    """Write what a presigned address answers. what: `read bucket/key`, for the error message.

    Raises NotFound, StorageError, StorageUnavailable.
    """
    timeouts = (access.connect_seconds, access.read_seconds)
    try:
        with session.get(url, stream=True, timeout=timeouts, verify=access.verify) as answer:
            if answer.status_code != 200:
                request_id = answer.headers.get("x-amz-request-id", "")
                raise from_xml(what, answer.status_code, answer.content, request_id)
            with target.open("wb") as file:
                written = sum(file.write(chunk) for chunk in answer.iter_content(CHUNK_BYTES))
            if written != int(answer.headers["Content-Length"]):
                raise StorageUnavailable(f"cannot {what}: it broke off after {written} bytes")
    except requests.RequestException as err:
        raise no_answer(what, err) from err

"""A bucket that v2s makes: private, in its region, without stale uploads where the service offers it."""

import pytest

from v2s_tui.adapters.objectstore.access import StorageAccess
from v2s_tui.adapters.objectstore.store import S3ObjectStore
from v2s_tui.domain.errors import NotFound, StorageError, StorageUnavailable


class Control:
    """Answers by operation; an error is raised."""

    def __init__(self, **answers):
        self.answers = answers
        self.asked = []

    def call(self, _what, operation, **arguments):
        self.asked.append((operation, arguments))
        answer = self.answers.get(operation, {})
        if isinstance(answer, Exception):
            raise answer
        return answer


def store_with(**answers):
    store = S3ObjectStore(StorageAccess("https://127.0.0.1:1", "fr-par", "key", "secret"))
    store.close()
    store._control = Control(**answers)
    return store


def test_a_new_bucket_is_private_and_forgets_stale_uploads():
    store = store_with(head_bucket=NotFound("none"))
    assert store.ensure_bucket("transit") is True
    (_, (_, made), (operation, rules)) = store._control.asked
    assert made["ACL"] == "private"
    assert made["CreateBucketConfiguration"] == {"LocationConstraint": "fr-par"}
    assert operation == "put_bucket_lifecycle_configuration"
    (rule,) = rules["LifecycleConfiguration"]["Rules"]
    assert rule["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 14}
    assert rule["Filter"] == {"Prefix": "migrations/"}


@pytest.mark.parametrize("error", [StorageUnavailable("501 NotImplemented"), StorageError("403")])
def test_a_service_without_lifecycle_is_no_obstacle(error):
    store = store_with(head_bucket=NotFound("none"), put_bucket_lifecycle_configuration=error)
    assert store.ensure_bucket("transit") is True


def test_the_rules_of_a_bucket_that_exists_are_its_owners():
    store = store_with()
    assert store.ensure_bucket("transit") is False
    assert [operation for operation, _ in store._control.asked] == ["head_bucket"]


def test_a_bucket_in_another_region_is_refused():
    with pytest.raises(StorageError, match="is in nl-ams, the migration goes to fr-par"):
        store_with(head_bucket={"BucketRegion": "nl-ams"}).ensure_bucket("transit")

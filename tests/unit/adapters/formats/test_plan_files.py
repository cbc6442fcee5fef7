"""A cloud-init may be a file beside the plan."""

import pytest

from v2s_tui.adapters.formats.plan_files import with_cloud_init
from v2s_tui.adapters.formats.plan_yaml import parse_plan
from v2s_tui.domain.errors import PlanError


def plan(text):
    return parse_plan(text).plan


def test_paths_become_texts_and_texts_stay(tmp_path):
    (tmp_path / "web.yaml").write_text("#cloud-config\nhostname: web\n")
    read = with_cloud_init(
        plan(
            "version: 1\n"
            "defaults: {cloud_init: web.yaml}\n"
            "migrations:\n"
            "  - {vm_name: a}\n"
            "  - {vm_name: b, cloud_init: '#!/bin/sh'}\n"
        ),
        tmp_path,
    )
    assert read.defaults.cloud_init == "#cloud-config\nhostname: web\n"
    assert [each.cloud_init for each in read.migrations] == [None, "#!/bin/sh"]


@pytest.mark.parametrize(
    ("content", "text"),
    [(None, "No such file"), (b"\xff\xfe", "not UTF-8"), (b"#" * 2**21, "2097152 bytes")],
)
def test_a_file_that_cannot_be_used_is_named_with_its_key(tmp_path, content, text):
    if content is not None:
        (tmp_path / "web.yaml").write_bytes(content)
    with pytest.raises(PlanError, match=text) as caught:
        with_cloud_init(plan("version: 1\nmigrations: [{vm_name: a, cloud_init: web.yaml}]\n"), tmp_path)
    assert caught.value.position.key == "migrations[0].cloud_init"

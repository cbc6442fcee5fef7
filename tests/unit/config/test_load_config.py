"""migration.yaml: lookup order, environment, secrets, and errors that point at the mistake."""

import os
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from v2s_tui.bootstrap import build_services
from v2s_tui.config import load_config
from v2s_tui.config.secrets import SecretRef, SecretSource
from v2s_tui.domain.errors import ConfigError
from v2s_tui.domain.execution.transfer import Strategy


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def write(path: Path, text: str, *, mode: int = 0o600) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)
    return path


def test_defaults_come_from_the_specification_when_nothing_is_said(tmp_path: Path) -> None:
    settings = load_config(None, {"HOME": str(tmp_path)})
    assert settings.source is None
    assert settings.vmware.port == 443
    assert settings.scaleway.default_zone == "fr-par-1"
    assert settings.scaleway.s3_bucket == "vmware-migration-transit"
    assert settings.migration.retry_count is None, "each stage has its own"


def test_the_nearest_file_wins(tmp_path: Path) -> None:
    environ = {"HOME": str(tmp_path)}
    write(tmp_path / ".config/v2s/migration.yaml", "vmware: {vcenter: from-home}\n")
    assert load_config(None, environ).vmware.vcenter == "from-home"
    write(tmp_path / "config.yaml", "vmware: {vcenter: from-config}\n")
    assert load_config(None, environ).vmware.vcenter == "from-config"
    write(tmp_path / "migration.yaml", "vmware: {vcenter: from-migration}\n")
    assert load_config(None, environ).vmware.vcenter == "from-migration"
    assert load_config(tmp_path / "config.yaml", environ).vmware.vcenter == "from-config"


def test_the_environment_fills_what_the_file_leaves_out(tmp_path: Path) -> None:
    path = write(tmp_path / "m.yaml", "vmware: {vcenter: vc.example.com}\n")
    environ = {
        "VCENTER_HOST": "other",
        "VCENTER_USERNAME": "ops",
        "VCENTER_INSECURE": "true",
        "SCW_S3_BUCKET": "b",
    }
    settings = load_config(path, environ)
    assert (settings.vmware.vcenter, settings.vmware.username, settings.vmware.insecure) == (
        "vc.example.com", "ops", True,
    )  # fmt: skip
    assert settings.scaleway.s3_bucket == "b"
    assert any("insecure" in warning for warning in settings.warnings)


def test_secrets_are_resolved_late_and_never_shown(tmp_path: Path) -> None:
    secret_file = write(tmp_path / "secret", "from-a-file\n")
    path = write(
        tmp_path / "m.yaml",
        "vmware: {password_env: VC_PASS}\n"
        f"scaleway: {{secret_key_file: {secret_file}, access_key: SCWXXX-literal}}\n",
    )
    settings = load_config(path, {})
    assert settings.vmware.password.resolve({"VC_PASS": "hunter2"}) == "hunter2"
    assert settings.scaleway.secret_key.resolve({}) == "from-a-file"
    assert settings.scaleway.access_key.resolve({}) == "SCWXXX-literal"
    shown = repr(settings) + str(settings) + settings.model_dump_json() + str(settings.model_dump())
    assert "SCWXXX-literal" not in shown
    assert "hunter2" not in shown
    assert [warning for warning in settings.warnings if "literally" in warning]


def test_a_literal_secret_in_a_readable_file_is_refused_with_the_fix(tmp_path: Path) -> None:
    path = write(tmp_path / "m.yaml", "vmware:\n  vcenter: vc\n  password: hunter2\n", mode=0o644)
    with pytest.raises(ConfigError) as caught:
        load_config(path, {})
    assert caught.value.position.line == 3
    assert "password_env" in caught.value.hint
    assert "hunter2" not in str(caught.value)


def test_a_secret_given_twice_is_refused_without_printing_it(tmp_path: Path) -> None:
    path = write(tmp_path / "m.yaml", "vmware: {password: hunter2, password_env: VC}\n")
    with pytest.raises(ConfigError, match="once") as caught:
        load_config(path, {})
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "fix"), [("missing", "check the path"), ("open", "chmod 600"), ("empty", "first line")]
)
def test_secret_files_that_cannot_serve(tmp_path: Path, name: str, fix: str) -> None:
    write(tmp_path / "open", "x\n", mode=0o640)
    write(tmp_path / "empty", "")
    path = write(tmp_path / "m.yaml", f"vmware: {{password_file: {tmp_path / name}}}\n")
    with pytest.raises(ConfigError) as caught:
        load_config(path, {}).vmware.password.resolve({})
    assert fix in caught.value.hint


@pytest.mark.parametrize("text", ["SCWKEY\nhunter2\n", "hunter2 # the key\n", "\u201chunter2\u201d\n", " \n"])
def test_what_cannot_stand_in_a_header_is_no_key_and_is_not_shown(tmp_path: Path, text: str) -> None:
    """Who refuses a header prints its value: into messages, the journal and the report."""
    secret_file = write(tmp_path / "secret", text)
    path = write(tmp_path / "m.yaml", f"scaleway: {{secret_key_file: {secret_file}}}\n")
    with pytest.raises(ConfigError, match="no API key") as caught:
        load_config(path, {}).scaleway.secret_key.resolve_key({})
    assert str(secret_file) in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_no_door_opens_with_a_key_that_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCW_ACCESS_KEY", "SCWX")
    monkeypatch.setenv("SCW_SECRET_KEY", "hunter\n2")
    services = build_services(load_config(write(tmp_path / "m.yaml", "scaleway: {project_id: p}\n"), {}))
    for door in (services.cloud, services.objects):
        with pytest.raises(ConfigError, match="env:SCW_SECRET_KEY is no API key"):
            door()


def test_blanks_around_a_key_are_not_part_of_it(tmp_path: Path) -> None:
    settings = load_config(write(tmp_path / "m.yaml", ""), {})
    assert settings.scaleway.secret_key.resolve_key({"SCW_SECRET_KEY": " 1111-2222\n"}) == "1111-2222"


def test_an_unset_variable_names_itself(tmp_path: Path) -> None:
    settings = load_config(write(tmp_path / "m.yaml", ""), {})
    assert settings.vmware.password.source is SecretSource.ENV
    with pytest.raises(ConfigError, match="VCENTER_PASSWORD"):
        settings.vmware.password.resolve({})


def test_an_unknown_key_is_pointed_at_and_a_near_one_suggested(tmp_path: Path) -> None:
    path = write(tmp_path / "m.yaml", "vmware:\n  vcenter: vc\n  usernme: ops\n")
    with pytest.raises(ConfigError) as caught:
        load_config(path, {})
    assert (caught.value.position.line, caught.value.position.column) == (3, 3)
    assert "'username'" in caught.value.hint


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("vmware:\n  port: many\n", 2), ("vmware:\n\tvcenter: x\n", 2), ("- a\n", 1),
        ("vmware: {port: 1}\nvmware: {}\n", 2),
        ("scaleway:\n  s3_region: paris\n", 2), ("source: x\n", None), ("vmware: 3\n", 1),
    ],
)  # fmt: skip
def test_mistakes_name_file_and_line(tmp_path: Path, text: str, line: int | None) -> None:
    path = write(tmp_path / "m.yaml", text)
    with pytest.raises(ConfigError) as caught:
        load_config(path, {})
    assert caught.value.position.file == str(path)
    assert caught.value.position.line == line


@pytest.mark.parametrize(
    "url", ["http://api.scaleway.com", "http://10.0.0.1:8080", "http://127.0.0.1.example.com"]
)
def test_the_api_key_does_not_travel_in_the_clear(tmp_path: Path, url: str) -> None:
    path = write(tmp_path / "m.yaml", f"scaleway:\n  api_url: {url}\n")
    with pytest.raises(ConfigError, match="must begin with https://") as caught:
        load_config(path, {})
    assert caught.value.position.line == 2
    write(path, "scaleway: {api_url: 'http://127.0.0.1:8080'}\n")
    assert load_config(path, {}).scaleway.api_url == "http://127.0.0.1:8080"


def test_a_url_is_no_host(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="write the host alone"):
        load_config(write(tmp_path / "m.yaml", "vmware: {vcenter: 'https://vc.example.com/sdk'}\n"), {})


def test_filters_are_kept_by_name_and_checked_at_once(tmp_path: Path) -> None:
    path = write(tmp_path / "m.yaml", 'filters:\n  web: "name:web-*"\n  prod: "@web folder:/DC1/Prod"\n')
    assert load_config(path, {}).filters["web"] == "name:web-*"
    write(path, 'filters:\n  web: "nmae:web-*"\n')
    with pytest.raises(ConfigError, match="did you mean name") as caught:
        load_config(path, {})
    assert caught.value.position.line == 1


def test_keys_that_decide_nothing_say_so_and_only_where_they_are_written(tmp_path: Path) -> None:
    path = tmp_path / "migration.yaml"
    path.write_text("conversion:\n  virt_v2v_verbose: true\nmigration:\n  parallel_exports: 3\n")
    warnings = load_config(path, {}).warnings
    assert [each.rpartition(": ")[2].partition(",")[0] for each in warnings] == [
        "parallel_exports has no effect",
        "virt_v2v_verbose has no effect",
    ]
    assert f"{path}:4" in warnings[0]
    path.write_text("conversion:\n  cleanup_on_success: false\n")
    assert load_config(path, {}).warnings == ()


def test_how_disks_are_moved_is_automatic_unless_it_is_said(tmp_path: Path) -> None:
    path = tmp_path / "migration.yaml"
    for text, strategy in (
        ("export_strategy: streaming", Strategy.STREAMING),
        ("export_strategy: local", Strategy.LOCAL),
        ("export_strategy: auto", Strategy.AUTO),
        ("", Strategy.AUTO),
    ):
        path.write_text(f"migration: {{{text}}}\n")
        settings = load_config(path, {})
        assert settings.migration.export_strategy is strategy
        assert settings.warnings == ()


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load_config(tmp_path / "none.yaml", dict(os.environ))


def test_an_unverified_certificate_is_told_where_only_the_environment_speaks(tmp_path: Path) -> None:
    settings = load_config(None, {"HOME": str(tmp_path), "VCENTER_INSECURE": "1"})
    assert settings.source is None
    assert [warning.partition(":")[0] for warning in settings.warnings] == ["vmware.insecure"]


def test_a_keyring_that_does_not_answer_is_told_with_a_way_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Over SSH there is none: no desktop, no session bus; each of its backends fails in its own way."""

    def locked(_service: str, _user: str) -> str:
        raise RuntimeError("No recommended backend was available.")

    monkeypatch.setitem(sys.modules, "keyring", SimpleNamespace(get_password=locked))
    with pytest.raises(ConfigError, match=r"v2s/vcenter.*No recommended backend") as refused:
        SecretRef(source=SecretSource.KEYRING, name="v2s/vcenter").resolve()
    assert "_file" in refused.value.hint


def test_what_another_user_put_here_is_not_taken_unasked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In /tmp anybody could name his own vCenter, and would be sent the password of the environment."""
    path = write(tmp_path / "migration.yaml", "vmware: {vcenter: trap.example.com}\n")
    if os.geteuid() == 0:
        os.chown(path, 65534, -1)
    else:
        monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    with pytest.raises(ConfigError, match="belongs to another user") as refused:
        load_config(None, {"HOME": str(tmp_path)})
    assert "--config migration.yaml" in refused.value.hint
    assert load_config(path, {"HOME": str(tmp_path)}).vmware.vcenter == "trap.example.com"


def test_what_everybody_may_change_is_not_taken_unasked(tmp_path: Path) -> None:
    write(tmp_path / "config.yaml", "vmware: {vcenter: vc.example.com}\n", mode=0o666)
    with pytest.raises(ConfigError, match="can be changed by everybody"):
        load_config(None, {"HOME": str(tmp_path)})

"""The first configuration: what is answered becomes settings, then files that load again."""

import stat
from dataclasses import replace
from pathlib import Path

import pytest

from v2s_tui.config.first import FirstAnswers, write_first
from v2s_tui.config.load import load_config
from v2s_tui.config.secrets import SecretSource
from v2s_tui.config.settings import Settings
from v2s_tui.domain.errors import ConfigError

THUMBPRINT = ":".join(["B8"] * 20)
ANSWERS = FirstAnswers(
    vcenter="vc.example.com:8443", username="me", password="hunter2", certificate=THUMBPRINT,
    access_key="SCWKEY", project_id="11111111-2222-3333-4444-555555555555", default_zone="nl-ams-1",
    s3_bucket="transit", work_dir="/srv/v2s",
)  # fmt: skip


def test_answers_can_be_tried_before_anything_is_written() -> None:
    settings = ANSWERS.settings(Settings())
    assert (settings.vmware.vcenter, settings.vmware.port) == ("vc.example.com", 8443)
    assert settings.vmware.password.resolve() == "hunter2"
    assert settings.vmware.thumbprint == THUMBPRINT
    assert settings.scaleway.s3_region == "nl-ams"
    assert settings.scaleway.secret_key.source is SecretSource.ENV
    assert "hunter2" not in repr(settings)


def test_what_the_environment_says_stands_behind_the_answers() -> None:
    base = Settings.model_validate({"scaleway": {"api_url": "https://127.0.0.1:1", "project_id": "old"}})
    assert FirstAnswers.of(base).project_id == "old"
    assert ANSWERS.settings(base).scaleway.api_url == "https://127.0.0.1:1"


@pytest.mark.parametrize("pasted", ["https://vc.example.com:8443/ui/", " vc.example.com:8443 "])
def test_an_address_from_a_browser_is_understood(pasted: str) -> None:
    settings = replace(ANSWERS, vcenter=pasted).settings(Settings())
    assert (settings.vmware.vcenter, settings.vmware.port) == ("vc.example.com", 8443)


@pytest.mark.parametrize("change", [{"default_zone": "paris"}, {"vcenter": "vc:port"}])
def test_a_wrong_answer_is_named(change: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match=r"scaleway\.default_zone|vmware\.port"):
        replace(ANSWERS, **change).settings(Settings())


def test_secrets_are_written_apart_for_their_owner_alone(tmp_path: Path) -> None:
    path = write_first(ANSWERS, tmp_path / "v2s")
    text = path.read_text()
    assert "hunter2" not in text
    assert "SCWKEY" not in text
    secrets = list((tmp_path / "v2s" / "secrets").iterdir())
    assert len(secrets) == 2
    assert {stat.S_IMODE(each.stat().st_mode) for each in (*secrets, path)} == {0o600}
    loaded = load_config(path, {})
    assert loaded.vmware.password.resolve() == "hunter2"
    assert loaded.scaleway.access_key.resolve() == "SCWKEY"
    assert loaded.scaleway.secret_key.name == "SCW_SECRET_KEY"
    assert not loaded.warnings


def test_a_ca_file_is_told_from_a_thumbprint(tmp_path: Path) -> None:
    path = write_first(replace(ANSWERS, certificate="/etc/ssl/vcenter.pem"), tmp_path)
    assert load_config(path, {}).vmware.ca_file == Path("/etc/ssl/vcenter.pem")


def test_a_configuration_that_is_there_is_never_written_over(tmp_path: Path) -> None:
    write_first(ANSWERS, tmp_path)
    with pytest.raises(ConfigError, match="exists already"):
        write_first(replace(ANSWERS, username="other"), tmp_path)
    assert load_config(tmp_path / "migration.yaml", {}).vmware.username == "me"

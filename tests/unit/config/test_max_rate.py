"""`scaleway.max_rate` and `scaleway.api_rate` are checked when the configuration is read."""

import pytest
from pydantic import ValidationError

from v2s_tui.config.settings import ScalewaySettings


def test_one_rate_or_a_list_of_them():
    assert ScalewaySettings.model_validate({"max_rate": "300Mbit/s 08:00-19:00"}).max_rate == (
        "300Mbit/s 08:00-19:00",
    )
    assert ScalewaySettings.model_validate({"max_rate": ["1Gbit/s", "2Gbit/s"]}).max_rate == (
        "1Gbit/s",
        "2Gbit/s",
    )
    assert ScalewaySettings.model_validate({}).max_rate == ()


def test_a_wrong_rate_says_how_to_write_one():
    with pytest.raises(ValidationError, match="write for example 300Mbit/s"):
        ScalewaySettings.model_validate({"max_rate": "fast"})


def test_the_pace_of_api_requests_has_a_default_and_bounds():
    assert ScalewaySettings.model_validate({}).api_rate == 10
    assert ScalewaySettings.model_validate({"api_rate": 40}).api_rate == 40
    for wrong in (0, -1, 5000, "fast"):
        with pytest.raises(ValidationError, match="api_rate"):
            ScalewaySettings.model_validate({"api_rate": wrong})

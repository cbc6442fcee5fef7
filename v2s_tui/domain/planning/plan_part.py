"""What every mapping of a plan has in common."""

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator


class PlanPart(BaseModel):
    """A mapping of a plan: unknown keys are errors, the operator's own `x-...` keys are kept in `extras`."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        populate_by_name=True,
        coerce_numbers_to_str=True,
        hide_input_in_errors=True,
    )

    extras: dict[str, Any] = Field(default_factory=dict, exclude=True)

    @model_validator(mode="before")
    @classmethod
    def _keep_own_keys(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        own = {key: value for key, value in data.items() if isinstance(key, str) and key.startswith("x-")}
        rest = {key: value for key, value in data.items() if key not in own}
        return rest | {"extras": own} if own else rest


def _as_tuple(value: Any) -> Any:
    return (value,) if isinstance(value, str | int | float) and not isinstance(value, bool) else value


Tags = Annotated[tuple[str, ...], BeforeValidator(_as_tuple)]
"""A list of words; a single word may stand without its list."""

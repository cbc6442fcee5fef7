"""JSON Schema of plan.yaml, for editors that complete and check while one types."""

from typing import Any

from v2s_tui.domain.guest.evidence import EvidenceLevel
from v2s_tui.domain.planning.limits import Limit
from v2s_tui.domain.planning.plan import BatchPlan

SCHEMA_TITLE = "v2s batch plan"


def plan_schema() -> dict[str, Any]:
    """Draft 2020-12 schema of a plan. Own keys `x-...` are allowed in every mapping, others are not."""
    schema = BatchPlan.model_json_schema(mode="validation")
    for part in (schema, *schema.get("$defs", {}).values()):
        _admit_own_keys(part)
        _refine(part.get("properties", {}))
    _add_limit_names(schema["$defs"]["Limits"])
    _add_iops(schema)
    _one_of(schema["$defs"]["Migration"], "vm_name", "vm_pattern")
    _one_of(schema["$defs"]["Exclusion"], "vm_name", "vm_pattern", "regex", "filter")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema"} | schema | {"title": SCHEMA_TITLE}


def _admit_own_keys(part: dict[str, Any]) -> None:
    properties = part.get("properties", {})
    if properties.pop("extras", None) is not None:
        part["patternProperties"] = {"^x-": {}}


def _refine(properties: dict[str, Any]) -> None:
    """What the validators accept and pydantic does not tell: single words for lists, the evidence levels."""
    for name in ("tags", "vms"):
        if name in properties:
            properties[name].setdefault("anyOf", [{"type": "array", "items": {"type": "string"}}])
            properties[name]["anyOf"].append({"type": "string"})
            for replaced in ("type", "items"):
                properties[name].pop(replaced, None)
    if "rehearse" in properties:
        levels = [level.label for level in EvidenceLevel if level is not EvidenceLevel.NONE]
        properties["rehearse"] = properties["rehearse"] | {
            "anyOf": [{"enum": ["off", *levels]}, {"type": "null"}]
        }


def _add_limit_names(limits: dict[str, Any]) -> None:
    """Both vocabularies: `max_concurrent_conversions` and `disk_io`."""
    written = list(limits["properties"])
    for limit, name in zip(Limit, written, strict=True):
        limits["properties"][limit.value] = limits["properties"][name]


def _one_of(part: dict[str, Any], *names: str) -> None:
    part["oneOf"] = [{"required": [name]} for name in names]


def _add_iops(schema: dict[str, Any]) -> None:
    for name in ("PlanDefaults", "Migration"):
        properties = schema["$defs"][name]["properties"]
        properties["iops"] = {"enum": [5000, 15000], "description": "the same as volume_class"}

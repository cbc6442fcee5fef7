"""`v2s batch estimate`: the simulation, or the specification's formula."""

from pathlib import Path
from typing import Any

from v2s_tui.bootstrap import open_services
from v2s_tui.cli.console import put, say
from v2s_tui.domain.errors import InputError
from v2s_tui.domain.planning.estimate import seed_estimate, seed_input
from v2s_tui.domain.planning.forecast import Forecast, what_if
from v2s_tui.domain.planning.show import plan_size
from v2s_tui.domain.units import GB
from v2s_tui.presentation.findings import grouped_lines
from v2s_tui.presentation.forecast_lines import cost_lines, space_lines, time_lines
from v2s_tui.presentation.gantt import LEGEND, gantt_lines
from v2s_tui.usecases.check_plan import check_plan_file
from v2s_tui.usecases.look_ahead import Outlook


def put_forecast(
    config: Path | None,
    plan_path: Path,
    changes: tuple[str, ...],
    available_disk_gb: float | None,
    *,
    as_json: bool,
) -> None:
    """Simulate the plan with its limits, changed by `--set`."""
    outlook = _outlook(config, plan_path)
    limits = what_if(outlook.resolved.limits, dict(_change(each) for each in changes))
    forecast = outlook.what_if(limits)
    free = int(available_disk_gb * GB) if available_disk_gb is not None else outlook.work_free_bytes
    if as_json:
        _put_json(_forecast_data(outlook, forecast, free))
        return
    put(plan_size(outlook.resolved))
    for line in (
        *time_lines(forecast),
        *space_lines(forecast.timeline, free_bytes=free),
        *cost_lines(outlook.cost),
        "",
        *gantt_lines(forecast.timeline, width=100),
        LEGEND,
        *(f"assumed: {each}" for each in forecast.assumptions),
        "",
        *grouped_lines(outlook.findings),
    ):
        put(line)


def put_seed_estimate(
    config: Path | None, plan_path: Path, concurrency: int, available_disk_gb: float | None, *, as_json: bool
) -> None:
    """The specification's numbers, from the plan's own VMs."""
    outlook = _outlook(config, plan_path)

    def price(planned: Any) -> float | None:
        found = outlook.type_of(planned)
        return found.price_month_eur if found else None

    free = outlook.work_free_bytes
    available = available_disk_gb if available_disk_gb is not None else (free or 0) / GB
    result = seed_estimate(
        seed_input(outlook.resolved, price), concurrency=concurrency, available_disk_gb=available
    )
    if as_json:
        _put_json(result)
        return
    for key, value in result.items():
        put(f"{key}: {value:,.1f}" if isinstance(value, float) else f"{key}: {value}")


def _outlook(config: Path | None, plan_path: Path) -> Outlook:
    with open_services(config, warn=say) as services:
        return check_plan_file(services, plan_path)


def _change(text: str) -> tuple[str, int]:
    name, _, value = text.partition("=")
    if not value.isdigit() or int(value) < 1:
        raise InputError(f"--set {text}: not LIMIT=N", hint="for example --set disk_io=5")
    return name, int(value)


def _forecast_data(outlook: Outlook, forecast: Forecast, free_bytes: int | None) -> dict[str, Any]:
    cost, resolved = outlook.cost, outlook.resolved
    return {
        "total_vms": len(resolved.vms),
        "p50_seconds": round(forecast.p50_seconds),
        "p90_seconds": round(forecast.p90_seconds),
        "bottleneck": forecast.bottleneck,
        "uses": [
            {"limit": use.limit, "share": round(use.share, 4), "waited_seconds": round(use.waited_seconds)}
            for use in forecast.uses
        ],
        "work_disk_peak_bytes": forecast.timeline.peak_work_bytes,
        "work_disk_free_bytes": free_bytes,
        "monthly_cost_eur": round(cost.monthly, 2),
        "one_time_cost_eur": round(cost.once, 2),
        "monthly_cost_by_wave_eur": {wave: round(amount, 2) for wave, amount in cost.by_wave().items()},
        "vms": [
            {"vm": line.vm, "wave": line.wave, "monthly_eur": round(line.monthly, 2)} for line in cost.lines
        ],
        "findings": [
            {"severity": each.severity.value, "code": each.code, "vm": each.vm, "title": each.title}
            for each in outlook.findings
        ],
        "assumptions": list(forecast.assumptions),
        "warnings": list(cost.notes),
    }


def _put_json(data: dict[str, Any]) -> None:
    import orjson

    put(orjson.dumps(data, option=orjson.OPT_INDENT_2).decode())

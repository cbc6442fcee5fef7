"""What approving a gate leads to: duration and cost of the wave behind it, from the batch's own record."""

from dataclasses import replace

from v2s_tui.domain.planning.cost import plan_cost
from v2s_tui.domain.planning.forecast import forecast
from v2s_tui.presentation.run_detail import ComingWave
from v2s_tui.usecases.load_catalogue import load_catalogue
from v2s_tui.usecases.look_ahead import free_bytes
from v2s_tui.usecases.services import Services
from v2s_tui.usecases.show_batches import read_batch
from v2s_tui.usecases.site_rates import site_rates
from v2s_tui.usecases.transfers import transfer_of


def coming_wave(services: Services, batch_id: str) -> ComingWave | None:
    """The wave after the gate that is closed now; None without a gate or without a further wave.

    Rates are those measured in the waves before. Raises StateError.
    """
    state = read_batch(services, batch_id)
    gate, waves = state.header.gate, state.plan.waves
    if gate is None or gate.index + 1 >= len(waves):
        return None
    wave = waves[gate.index + 1]
    vms = tuple(state.planned[name] for name in wave.vm_names)
    if not vms:
        return ComingWave(wave.name, (), 0.0, 0.0, 0.0, 0)
    alone = replace(state.plan, vms=vms, waves=(wave,), not_together=())
    ahead = forecast(
        alone,
        rates=site_rates(services),
        limits=state.header.limits,
        work_disk_bytes=free_bytes(services.work_dir),
        transfer_of=transfer_of(services),
    )
    image = services.settings.scaleway.image
    cost = plan_cost(vms, lambda zone: load_catalogue(services, zone), image=image)
    return ComingWave(
        name=wave.name,
        vm_names=wave.vm_names,
        p50_seconds=ahead.p50_seconds,
        p90_seconds=ahead.p90_seconds,
        monthly_eur=cost.monthly,
        disk_bytes=sum(each.vm.total_disk_bytes for each in vms),
    )

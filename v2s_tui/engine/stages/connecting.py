"""Joining the VM to its Private Networks: those of the plan are made once for the whole batch, addresses are
booked, a NIC is made for each.
"""

from collections.abc import Mapping
from functools import partial

from v2s_tui.domain.errors import TargetError
from v2s_tui.domain.execution.ledger import EffectKind, EffectState, shared_tag
from v2s_tui.domain.planning.plan_options import NewNetwork
from v2s_tui.domain.planning.target_nics import TargetNic, target_nics
from v2s_tui.domain.ports import CloudResource, CloudState
from v2s_tui.domain.target.private_networks import networks_named, region_of
from v2s_tui.engine.stage_contract import LedgerWriter, Ports, StageContext, StageInput
from v2s_tui.engine.stages.adopting import adopt_or_make
from v2s_tui.engine.stages.naming import MigrationNames, names_of
from v2s_tui.engine.stages.waiting import wait_for

_KIND = EffectKind.PRIVATE_NETWORK
_NIC = EffectKind.PRIVATE_NIC
_NOT_IN_USE = frozenset(CloudState) - {CloudState.IN_USE}
_LETTING_GO_SECONDS = 60.0


def connect_nics(stage: StageInput, context: StageContext, server: CloudResource) -> tuple[str, ...]:
    """Ids of the Instance's private NICs, in the order of the source. One that the plan entry no longer wants
    so is removed.
    """
    names, zone = names_of(stage), stage.planned.zone
    nics = []
    _discard_others(stage, context)
    for nic in target_nics(stage.planned):
        context.progress.activity = f"joining network {nic.network}"
        made = adopt_or_make(
            context,
            _NIC,
            zone=zone,
            tag=names.part_tag(f"nic-{nic.index}"),
            origin=_origin(nic),
            make=partial(_join, stage, context, server, nic),
        )
        nics.append(made.id)
    return tuple(nics)


def _discard_others(stage: StageInput, context: StageContext) -> None:
    """NICs and addresses that the plan entry no longer wants so; all of them before the first is made, as an
    Instance joins a network with one NIC only.
    """
    zone, tag = stage.planned.zone, names_of(stage).part_tag
    nics = {tag(f"nic-{nic.index}"): _origin(nic) for nic in target_nics(stage.planned)}
    addresses = {
        tag(f"address-{nic.index}"): _origin(nic) for nic in target_nics(stage.planned) if nic.address
    }
    _discard(context, _NIC, zone, nics)
    _discard(context, EffectKind.ADDRESS, region_of(zone), addresses)


def _discard(context: StageContext, kind: EffectKind, place: str, wanted: Mapping[str, str]) -> None:
    """wanted: by the tag of a part the tag of what it is to be. An address is let go some moments after its
    NIC.
    """
    cloud = context.ports.cloud
    for effect in context.ledger.open_effects(kind):
        for made in cloud.find(kind.value, place, effect.tag):
            if wanted.get(effect.tag) not in made.tags:
                what = f"the {kind.value.replace('_', ' ')} of before the edit to be let go"
                look = partial(cloud.get, kind.value, place, made.id)
                wait_for(context, what, look, wanted=_NOT_IN_USE, timeout_seconds=_LETTING_GO_SECONDS)
                cloud.delete(kind.value, place, made.id)
        if effect.tag not in wanted:
            context.ledger.gone(effect)


def connected_otherwise(stage: StageInput, ports: Ports) -> bool:
    """True when the NICs that were made are not those that the plan entry wants now."""
    wanted, made = target_nics(stage.planned), stage.artifacts.private_nics
    found = [ports.cloud.get(_NIC.value, stage.planned.zone, each) for each in made]
    return len(wanted) != len(made) or any(
        each is None or _origin(nic) not in each.tags for nic, each in zip(wanted, found, strict=True)
    )


def _origin(nic: TargetNic) -> str:
    return MigrationNames.origin_tag(f"{nic.network}/{nic.address or 'dhcp'}")


def _join(stage: StageInput, context: StageContext, server: CloudResource, nic: TargetNic) -> CloudResource:
    network = _network(stage, context, nic.network)
    return context.ports.cloud.create_private_nic(
        stage.planned.zone,
        instance_id=server.id,
        private_network_id=network,
        address_id=_address(stage, context, nic, network),
        tags=(*names_of(stage).tags(f"nic-{nic.index}"), _origin(nic)),
    )


def _address(stage: StageInput, context: StageContext, nic: TargetNic, network: str) -> str:
    """Id of the booking of its fixed address; "" when it has none."""
    if nic.address is None:
        return ""
    names, part = names_of(stage), f"address-{nic.index}"
    booked = adopt_or_make(
        context,
        EffectKind.ADDRESS,
        zone=region_of(stage.planned.zone),
        tag=names.part_tag(part),
        origin=_origin(nic),
        make=partial(
            context.ports.cloud.book_address,
            stage.planned.zone,
            private_network_id=network,
            address=nic.address,
            tags=(*names.tags(part), _origin(nic)),
        ),
    )
    return booked.id


def _network(stage: StageInput, context: StageContext, name: str) -> str:
    """Id of a network that the plan wants made; any other as it is named."""
    wanted = next((each for each in stage.settings.private_networks if each.name == name), None)
    if wanted is None:
        return name
    region = region_of(stage.planned.zone)
    with context.shared(f"Private Network {name} in {region}") as ledger:
        return _made_by_batch(stage, ledger, region, wanted) or _found_or_made(
            stage, context, ledger, region, wanted
        )


def _made_by_batch(stage: StageInput, ledger: LedgerWriter, region: str, wanted: NewNetwork) -> str:
    tag = shared_tag(stage.batch_id, _KIND, wanted.name)
    for effect in ledger.open_effects(_KIND):
        if (effect.tag, effect.where, effect.state) == (tag, region, EffectState.MADE):
            return effect.resource_id
    return ""


def _found_or_made(
    stage: StageInput, context: StageContext, ledger: LedgerWriter, region: str, wanted: NewNetwork
) -> str:
    """One of that name that is not the batch's own is used and not recorded: undo must not touch it."""
    cloud, tag = context.ports.cloud, shared_tag(stage.batch_id, _KIND, wanted.name)
    if not cloud.find(_KIND.value, region, tag):
        there = networks_named(cloud.private_networks(region), wanted.name)
        if len(there) > 1:
            raise TargetError(
                f"{len(there)} Private Networks in {region} are named {wanted.name}",
                hint="give the id of the right one in network_mapping or nics",
            )
        if there:
            return there[0].id
    make = partial(
        cloud.create_private_network,
        region,
        name=wanted.name,
        vpc=wanted.vpc,
        subnet=wanted.subnet,
        tags=(tag,),
    )
    return adopt_or_make(context, _KIND, zone=region, tag=tag, make=make, ledger=ledger).id

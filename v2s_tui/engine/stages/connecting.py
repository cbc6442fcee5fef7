"""Joining the VM to its Private Networks: those of the plan are made once for the whole batch, addresses are
booked, a NIC is made for each.
"""

from functools import partial

from v2s_tui.domain.errors import TargetError
from v2s_tui.domain.execution.ledger import EffectKind, EffectState, shared_tag
from v2s_tui.domain.planning.plan_options import NewNetwork
from v2s_tui.domain.planning.target_nics import TargetNic, target_nics
from v2s_tui.domain.ports import CloudResource
from v2s_tui.domain.target.private_networks import networks_named, region_of
from v2s_tui.engine.stage_contract import LedgerWriter, StageContext, StageInput
from v2s_tui.engine.stages.adopting import adopt_or_make
from v2s_tui.engine.stages.naming import names_of

_KIND = EffectKind.PRIVATE_NETWORK


def connect_nics(stage: StageInput, context: StageContext, server: CloudResource) -> tuple[str, ...]:
    """Ids of the Instance's private NICs, in the order of the source."""
    names, zone, cloud = names_of(stage), stage.planned.zone, context.ports.cloud
    nics = []
    for nic in target_nics(stage.planned):
        part = f"nic-{nic.index}"
        context.progress.activity = f"joining network {nic.network}"
        network = _network(stage, context, nic.network)
        made = adopt_or_make(
            context,
            EffectKind.PRIVATE_NIC,
            zone=zone,
            tag=names.part_tag(part),
            make=partial(
                cloud.create_private_nic,
                zone,
                instance_id=server.id,
                private_network_id=network,
                address_id=_address(stage, context, nic, network),
                tags=names.tags(part),
            ),
        )
        nics.append(made.id)
    return tuple(nics)


def _address(stage: StageInput, context: StageContext, nic: TargetNic, network: str) -> str:
    """Id of the booking of its fixed address; "" when it has none."""
    if nic.address is None:
        return ""
    names, part = names_of(stage), f"address-{nic.index}"
    origin = names.origin_tag(nic.address)
    booked = adopt_or_make(
        context,
        EffectKind.ADDRESS,
        zone=region_of(stage.planned.zone),
        tag=names.part_tag(part),
        origin=origin,
        make=partial(
            context.ports.cloud.book_address,
            stage.planned.zone,
            private_network_id=network,
            address=nic.address,
            tags=(*names.tags(part), origin),
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

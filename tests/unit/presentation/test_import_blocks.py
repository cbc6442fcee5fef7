"""Import blocks: parsed by an HCL parser, whatever the VMs are called."""

import io
from dataclasses import replace

import hcl2
from fakes.source import MADE_AT
from hypothesis import given, settings
from hypothesis import strategies as st

from v2s_tui.domain.execution.ledger import Effect, EffectKind, EffectState
from v2s_tui.domain.hand_over import MadeByWave
from v2s_tui.presentation.import_blocks import RESOURCE_OF_KIND, import_blocks


def made(kind, part, resource_id, vm="web-01", **more):
    tag = f"v2s:0a1b2c3d:00000001:{part}"
    return replace(
        Effect(f"{vm}{part}", kind, vm, tag, "fr-par-1", EffectState.MADE, MADE_AT, resource_id), **more
    )


ONE_VM = (
    made(EffectKind.VOLUME, "disk-1", "v-1"),
    made(EffectKind.INSTANCE, "server", "s-1"),
    made(EffectKind.VOLUME, "disk-0", "v-0"),
    made(EffectKind.PRIVATE_NIC, "nic-0", "s-1/n-0"),
    made(EffectKind.IP, "ip", "i-1"),
    made(EffectKind.VMWARE_SNAPSHOT, "x", "snapshot-1"),
)


def blocks_of(text):
    parsed = hcl2.load(io.StringIO(text))
    return [(str(each["to"]).strip("${}"), str(each["id"]).strip('"')) for each in parsed.get("import", [])]


def one_wave(*effects):
    return [MadeByWave(1, "all", effects)]


def test_what_scaleway_has_and_only_that_server_first():
    text = import_blocks(one_wave(*ONE_VM), title="batch 0a1b2c3d")
    assert text.startswith("# batch 0a1b2c3d\n\n# ---- wave 1: all ----\n\n# web-01\nimport {\n")
    assert blocks_of(text) == [
        ("scaleway_instance_server.web_01", "fr-par-1/s-1"),
        ("scaleway_block_volume.web_01_disk_0", "fr-par-1/v-0"),
        ("scaleway_block_volume.web_01_disk_1", "fr-par-1/v-1"),
        ("scaleway_instance_ip.web_01", "fr-par-1/i-1"),
        ("scaleway_instance_private_nic.web_01_nic_0", "fr-par-1/s-1/n-0"),
    ]


def test_names_that_look_alike_stay_apart():
    servers = [made(EffectKind.INSTANCE, "server", name, vm=name) for name in ("web-01", "web 01", "01")]
    assert sorted(address for address, _ in blocks_of(import_blocks(one_wave(*servers)))) == [
        "scaleway_instance_server.vm_01",
        "scaleway_instance_server.web_01",
        "scaleway_instance_server.web_01_2",
    ]


def test_nothing_made_is_nothing_written():
    assert import_blocks(one_wave(), title="batch") == ""


def test_a_wave_written_alone_has_the_addresses_it_has_among_all():
    pilot, web = (made(EffectKind.INSTANCE, "server", name, vm=name) for name in ("web-01", "web 01"))
    waves = [MadeByWave(1, "pilot", (pilot,)), MadeByWave(2, "empty", ()), MadeByWave(3, "web\n}", (web,))]
    text = import_blocks(waves)
    assert [line for line in text.splitlines() if line.startswith("# ----")] == [
        "# ---- wave 1: pilot ----",
        "# ---- wave 3: web } ----",
    ]
    alone = blocks_of(import_blocks(waves, only=[3]))
    assert alone == blocks_of(text)[1:] == [("scaleway_instance_server.web_01_2", "fr-par-1/web 01")]


@settings(deadline=None)  # the HCL parser is slow, and slower on a busy machine
@given(
    st.lists(
        st.builds(
            made, st.sampled_from(sorted(RESOURCE_OF_KIND)), st.just("disk-0"), st.uuids().map(str), st.text()
        ),
        max_size=5,
    )
)
def test_any_name_gives_blocks_that_parse_with_addresses_of_their_own(effects):
    found = blocks_of(import_blocks(one_wave(*effects)))
    assert len(found) == len(effects) == len({address for address, _ in found})

"""`v2s inventory` and `v2s inventory-plan`."""

from pathlib import Path

import click

from v2s_tui.cli.console import put, put_table, say
from v2s_tui.cli.options import chosen_config, config_option, format_of_file, format_option


@click.command()
@config_option
@click.option(
    "-f",
    "--filter",
    "filters",
    multiple=True,
    help="Show only these (repeatable); `@name`: kept in the config.",
)
@format_option("table", "yaml", "json", "csv")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write there instead of stdout.")
@click.pass_context
def inventory(
    ctx: click.Context, config: Path | None, filters: tuple[str, ...], output_format: str, output: Path | None
) -> None:
    """List the VMs of the vCenter, with disks, NICs and snapshots."""
    from v2s_tui.adapters.formats.inventory_files import inventory_text
    from v2s_tui.bootstrap import open_services
    from v2s_tui.domain.source.filters import combine_filters
    from v2s_tui.domain.source.inventory import Inventory
    from v2s_tui.presentation.inventory_columns import INVENTORY_COLUMNS
    from v2s_tui.usecases.export_inventory import FORMATS
    from v2s_tui.usecases.load_inventory import load_inventory

    output_format = format_of_file(ctx, output, FORMATS)
    with open_services(chosen_config(ctx, config), warn=say) as services:
        wanted = combine_filters(filters, services.settings.filters)
        listed = load_inventory(services)
    shown = Inventory(
        tuple(wanted.select(listed)),
        source=listed.source,
        taken_at=listed.taken_at,
        unreadable=listed.unreadable,
    )
    for note in listed.unreadable:
        say(f"v2s: {note}")
    if output_format == "table" and output is None:
        put_table(INVENTORY_COLUMNS, shown)
        return
    text = inventory_text(shown, "yaml" if output_format == "table" else output_format)
    if output is None:
        put(text.rstrip("\n"))
    else:
        output.write_text(text, encoding="utf-8")
        say(f"{len(shown)} VMs written to {output}")


@click.command("inventory-plan")
@config_option
@click.option("-f", "--filter", "filters", multiple=True, help="Only these VMs (repeatable), `os:linux`.")
@click.option("--min-cpu", type=float)
@click.option("--max-cpu", type=float)
@click.option("--min-ram", type=float, help="GB")
@click.option("--max-ram", type=float, help="GB")
@click.option("--min-disk", type=float, help="GB in all")
@click.option("--max-disk", type=float, help="GB in all")
@click.option("--auto-map/--no-auto-map", default=True, show_default=True, help="Choose types now.")
@click.option("--sizing", type=click.Choice(["exact", "optimize", "cost", "rightsize"]), default="optimize")
@click.option("--zone", help="Target zone (else the config's default).")
@click.option("--tag", "tags", multiple=True, help="Tag of everything made (repeatable).")
@click.option("--from-rvtools", type=click.Path(path_type=Path), help="Plan from an RVTools export.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write the plan there (YAML).")
@format_option("table", "yaml", "json")
@click.pass_context
def inventory_plan(
    ctx: click.Context,
    /,
    config: Path | None,
    *,
    filters: tuple[str, ...],
    auto_map: bool,
    sizing: str,
    zone: str | None,
    tags: tuple[str, ...],
    from_rvtools: Path | None,
    output: Path | None,
    output_format: str,
    **bounds: float | None,
) -> None:
    """Filter the VMs, choose Instance types, write a plan for review.

    Example: v2s inventory-plan -f os:linux -f "name:web-*" --sizing cost -o plan.yaml
    """
    from v2s_tui.bootstrap import open_services
    from v2s_tui.domain.planning.plan import SizingStrategy
    from v2s_tui.domain.source.filters import combine_filters, size_filter
    from v2s_tui.usecases.load_inventory import inventory_from_file, load_inventory
    from v2s_tui.usecases.make_plan import PlanRequest, plan_selection, save_new_plan

    with open_services(chosen_config(ctx, config), warn=say) as services:
        wanted = (combine_filters(filters, services.settings.filters), size_filter(**bounds))
        listed = inventory_from_file(from_rvtools) if from_rvtools else load_inventory(services)
        request = PlanRequest(
            filters=wanted,
            strategy=SizingStrategy(sizing),
            zone=zone or services.settings.scaleway.default_zone,
            tags=tags,
            auto_map=auto_map,
        )
        plan = plan_selection(services, listed, request)
    say(f"{len(listed)} total, {len(plan.migrations)} after filters")
    if not plan.migrations:
        say("no VM matches; nothing was written")
        return
    if output is not None:
        save_new_plan(plan, output)
        say(f"plan written to {output}: review it, then `v2s batch estimate --plan {output}`")
        return
    _put_plan(plan, output_format)


def _put_plan(plan: object, output_format: str) -> None:
    from v2s_tui.adapters.formats.plan_yaml import plan_data, plan_text
    from v2s_tui.domain.planning.plan import BatchPlan
    from v2s_tui.presentation.plan_columns import MIGRATION_COLUMNS

    assert isinstance(plan, BatchPlan)  # noqa: S101 - narrows the type only
    if output_format == "yaml":
        put(plan_text(plan).rstrip("\n"))
    elif output_format == "json":
        import orjson

        put(orjson.dumps(plan_data(plan), option=orjson.OPT_INDENT_2).decode())
    else:
        put_table(MIGRATION_COLUMNS, plan.migrations)

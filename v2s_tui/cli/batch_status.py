"""A batch's picture on a terminal."""

from v2s_tui.cli.batch_attach import gate_commands
from v2s_tui.cli.console import put, put_table
from v2s_tui.domain.execution.snapshot import BatchSnapshot, snapshot_to_json
from v2s_tui.presentation.run_columns import RUN_COLUMNS, batch_line, limit_text, wave_text
from v2s_tui.presentation.run_detail import failure_lines, gate_lines


def put_status(picture: BatchSnapshot, *, as_json: bool) -> None:
    """Header, waves, VMs, failures, the gate."""
    if as_json:
        import orjson

        put(orjson.dumps(snapshot_to_json(picture), option=orjson.OPT_INDENT_2).decode())
        return
    runner = f"runner {picture.runner_pid}" if picture.live else "no runner"
    put(f"batch {picture.batch_id} {picture.status.value} ({runner})  {picture.plan_path}")
    put(batch_line(picture))
    put(" > ".join(wave_text(wave) for wave in picture.waves))
    if picture.live:
        put("  ".join(limit_text(limit) for limit in picture.limits))
    put_table(RUN_COLUMNS, picture.vms)
    for row in picture.vms:
        for line in failure_lines(row)[:3]:
            put(f"{row.name}: {line}")
    for line in gate_lines(picture):
        put(line)
    if picture.live and picture.gate:
        put(gate_commands(picture))
    if not picture.live and not picture.completed_at:
        put(f"go on: v2s batch resume --batch-id {picture.batch_id}" + (" --approve" if picture.gate else ""))

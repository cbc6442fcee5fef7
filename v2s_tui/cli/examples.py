"""The example at the end of each command's `--help`, by its path."""

import click

EXAMPLES: dict[str, tuple[str, ...]] = {
    "v2s": (
        "v2s demo                                  # no vCenter needed",
        "v2s doctor                                # what is missing here, each with its fix",
        "v2s                                       # the app",
        "v2s --run plan.yaml --report report.md    # the same without a screen",
    ),
    "demo": ("v2s demo", "v2s demo --run > report.md", "v2s demo --vms 500"),
    "serve": (
        "v2s serve                # then, where your browser is: ssh -L 8022:localhost:8022 HOST",
        "v2s serve --token-file ~/.config/v2s/serve-token > serve.log 2>&1 &",
        "v2s serve --behind-tls --name v2s.example.com --token-file ~/.config/v2s/serve-token",
        "v2s serve --host 0.0.0.0 --name v2s.example.com --tls-cert v2s.pem --tls-key v2s.key",
    ),
    "lab": ("v2s lab up --dir /tmp/lab &", "v2s --config /tmp/lab/migration.yaml"),
    "lab up": (
        "v2s lab up --dir /tmp/lab --scenario awkward",
        "v2s lab up --dir /tmp/lab --scenario fleet --vms 300 --faults faults.yaml",
    ),
    "inventory": ("v2s inventory", "v2s inventory --format csv -o vms.csv"),
    "inventory-plan": (
        "v2s inventory-plan -f os:linux -f 'name:web-*' -f '!tag:legacy' -o plan.yaml",
        "v2s inventory-plan --from-rvtools export.xlsx --sizing cost -o plan.yaml",
    ),
    "plan": ("v2s plan check plan.yaml", "v2s plan schema > plan.schema.json"),
    "plan check": ("v2s plan check plan.yaml",),
    "plan show": ("v2s plan show plan.yaml",),
    "plan diff": ("v2s plan diff yesterday.yaml plan.yaml",),
    "plan schema": ("v2s plan schema > plan.schema.json",),
    "batch": (
        "v2s batch estimate --plan plan.yaml",
        "v2s batch run --plan plan.yaml",
        "v2s batch resume --batch-id 1f2e3d4c --approve",
    ),
    "batch estimate": ("v2s batch estimate --plan plan.yaml --format json",),
    "batch run": ("v2s batch run --plan plan.yaml --dry-run", "v2s batch run --plan plan.yaml"),
    "batch resume": (
        "v2s batch resume --batch-id 1f2e3d4c --approve",
        "v2s batch resume --batch-id 1f2e3d4c --vm web-01 --from snapshot",
        "v2s batch resume --batch-id 1f2e3d4c --vm web-01 --plan plan.yaml",
    ),
    "batch list": ("v2s batch list",),
    "batch status": ("v2s batch status --batch-id 1f2e3d4c --format json",),
    "batch report": (
        "v2s batch report --batch-id 1f2e3d4c --format html -o report.html",
        "v2s batch report --format opentofu --wave pilot -o pilot.tf",
    ),
    "batch attach": (
        "v2s batch attach",
        "v2s batch attach approve",
        "v2s batch attach set_limit disk_io 5",
    ),
    "batch undo": ("v2s batch undo --batch-id 1f2e3d4c --vm web-01",),
    "doctor": ("v2s doctor", "v2s doctor --config /etc/v2s/config.yaml"),
    "guest": ("v2s guest plan --disk boot.qcow2",),
    "guest plan": (
        "v2s guest plan --disk boot.qcow2 --disk data.qcow2",
        "v2s guest plan --disk windows.qcow2 --virtio-win virtio-win.iso",
    ),
    "disk": ("v2s disk verify boot.qcow2",),
    "disk canary": ("v2s disk canary",),
    "disk verify": ("v2s disk verify /dev/sdb --manifest disk-0.manifest",),
    "leftovers": ("v2s leftovers", "v2s leftovers --delete"),
}


def with_examples(command: click.Command, path: str) -> click.Command:
    """The command, and those below it, with their examples as the last lines of `--help`."""
    if path in EXAMPLES and not command.epilog:
        command.epilog = "\b\nExamples:\n" + "\n".join(f"  {line}" for line in EXAMPLES[path])
    if isinstance(command, click.Group) and path != "v2s":
        for name, child in command.commands.items():
            with_examples(child, f"{path} {name}")
    return command

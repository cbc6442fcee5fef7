"""Which way a VM's disks take now, decided alike by whoever asks: admission, the export, the reservation."""

from v2s_tui.domain.execution.transfer import TransferChoice, choose_transfer
from v2s_tui.engine.link_speeds import note_download, note_upload, speeds_between
from v2s_tui.engine.stage_contract import StageInput


def transfer_of(stage: StageInput) -> TransferChoice:
    """By the operator's word, else by the speeds measured between this VM's host and the bucket."""
    speeds = speeds_between(
        stage.work_dir.parent, host=stage.planned.vm.host, storage=stage.settings.storage_name
    )
    settings = stage.settings
    return choose_transfer(stage.planned, settings.strategy, speeds, keep_local=settings.keep_local)


def note_received(stage: StageInput, *, size_bytes: int, seconds: float) -> None:
    """A disk came whole."""
    note_download(stage.work_dir.parent, stage.planned.vm.host, size_bytes=size_bytes, seconds=seconds)


def note_sent(stage: StageInput, *, size_bytes: int, seconds: float) -> None:
    """That much went to the bucket."""
    note_upload(stage.work_dir.parent, stage.settings.storage_name, size_bytes=size_bytes, seconds=seconds)

"""The disk data path: a disk's stream becomes a qcow2 that is written once.

    download ─▶ vmdk_parser + grain_tables ─▶ codec ─▶ qcow2_writer ─▶ base.qcow2 + manifest
    (HTTPS)     (raw_parser for flat disks)   (w12)     │
                                                        └▶ part_plan: full parts may be uploaded already
    overlay over base ─▶ flatten (qcow2_reader) ─▶ what is uploaded; verify compares it with its manifest

`local` is the port; `child` starts `worker`, the process in which the bytes move. `images` calls qemu-img for
what is not bulk work: overlays and checks.
"""

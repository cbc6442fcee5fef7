"""QEMU as a place of proof: acceleration probe, machine profiles, boot rehearsal."""

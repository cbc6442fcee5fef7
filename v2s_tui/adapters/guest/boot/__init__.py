"""Partition tables, ESP and boot loader: edited from outside, without running anything of the guest."""

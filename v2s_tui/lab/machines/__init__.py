"""Instances of the lab that really boot: one QEMU each, on loopback, ended with the lab."""

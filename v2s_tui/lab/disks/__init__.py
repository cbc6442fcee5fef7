"""Disks of the lab: sparse raw files with known content, and the stream ESXi makes of them."""

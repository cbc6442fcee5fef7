"""vCenter and ESXi: login, inventory, snapshots, NFC leases."""

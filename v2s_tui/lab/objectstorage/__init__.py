"""Object Storage on loopback: OpenStack Swift's S3 API on disk, with the key and the faults of the lab."""

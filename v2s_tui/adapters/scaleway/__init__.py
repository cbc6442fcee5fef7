"""Scaleway API: catalogue, Block Storage, images, Instances, quotas."""

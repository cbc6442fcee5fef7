"""v2s moves VMware vSphere VMs to Scaleway Instances in batches."""

__version__ = "0.1.0"

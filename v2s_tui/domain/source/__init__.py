"""What is at VMware: VMs, their parts, and how operators select them."""

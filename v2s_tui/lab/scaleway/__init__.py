"""A Scaleway API on loopback, as far as a migration needs one (reference: scaleway.md sections 1.3-1.8)."""

"""What Scaleway offers and which of it fits a VM."""

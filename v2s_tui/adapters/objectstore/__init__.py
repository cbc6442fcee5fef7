"""Object Storage: the transit bucket."""

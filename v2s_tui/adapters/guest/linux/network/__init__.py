"""Network configuration of Linux guests, one module per configuration system."""

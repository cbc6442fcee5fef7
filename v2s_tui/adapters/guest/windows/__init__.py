"""Windows guests: offline registry and driver staging. Nothing here proves that Windows boots."""

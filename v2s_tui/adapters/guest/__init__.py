"""Guest adaptation: reads and changes what is inside a disk, never by mounting it on this host."""

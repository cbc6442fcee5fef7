"""Small real guests for the lab and the tests: built from Debian packages, shaped like a VM from VMware."""

"""Files people read and write: plan YAML, inventories, the bundled catalogue."""

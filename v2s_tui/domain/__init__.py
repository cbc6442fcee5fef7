"""Facts, rules, arithmetic and the state machine; no I/O."""

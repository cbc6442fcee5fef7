"""What happens while a batch runs: events, jobs, artifacts, ledger, restart."""

"""migration.yaml and the environment: settings and secrets."""

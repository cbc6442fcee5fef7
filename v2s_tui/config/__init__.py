"""migration.yaml and the environment: settings and secrets."""

from v2s_tui.config.load import load_config
from v2s_tui.config.secrets import SecretRef
from v2s_tui.config.settings import Settings

__all__ = ["SecretRef", "Settings", "load_config"]

"""The window's fixtures serve the measurements too."""

from gui.conftest import _quiet_settings, ensemble_file, lasting, open_window

__all__ = ["_quiet_settings", "ensemble_file", "lasting", "open_window"]

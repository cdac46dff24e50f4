"""What is on this machine already: sign-ins of clouds, container engines. Files are read, nobody is asked."""

from ocistore_tui.found.engines import FoundEngine, find_engines
from ocistore_tui.found.logins import FoundLogin, find_logins

__all__ = ["FoundEngine", "FoundLogin", "find_engines", "find_logins"]

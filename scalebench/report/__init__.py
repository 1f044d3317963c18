"""Show what was measured: tables as text cells (``tables``), pictures (``charts``), a page (``html``), in several ``formats``."""

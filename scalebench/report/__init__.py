"""Show what was measured: tables as data (``tables``), for the terminal (``terminal``) and as Markdown (``markdown``)."""

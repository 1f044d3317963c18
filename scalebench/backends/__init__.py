"""The parallel interfaces: one file each, one small protocol (``base``), found through entry points (``registry``)."""

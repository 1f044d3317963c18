"""The checks; each file is one."""

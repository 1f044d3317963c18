"""Show what was measured: tables as text cells (``tables``), pictures (``charts``), a page (``html``), in several ``formats``."""

#: how to get what pictures and pages need, the extra ``report``: by its libraries, since on PyPI the name scalebench is another project's
INSTALL = "python -m pip install altair jinja2 markdown-it-py vl-convert-python"

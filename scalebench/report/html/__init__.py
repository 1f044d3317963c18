"""The report as one self-contained page: ``page`` puts it together, ``page.html.j2``, ``page.css`` and ``page.js`` are what it is made of."""

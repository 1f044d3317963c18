"""What stands in the way of a good measurement here: one file a check, in ``checks``.

A check is a module of that folder: ``TITLE``, and ``check(system)``, which looks and gives a :class:`~scalebench.doctor.base.Diagnosis`.
A file is found by being there. What takes more than a few seconds has ``SLOW = True``; where nothing at all can be measured
if it is broken, ``ESSENTIAL = True``.

Promises: it changes nothing, and a check that fails spoils no other. Not here: how it is printed (``cli.doctor``).
"""

"""Results: what a row is (``schema``), a run's folder (``store``), reading (``load``), one-file forms (``exchange``)."""

"""Laws of scaling: one file each, fitted and compared by ``fit``, extrapolated by ``predict``, refused with a reason."""

"""How a host starts: on this machine, on hosts by mpiexec, in jobs of Slurm; and how one is talked to and ended (``process``)."""

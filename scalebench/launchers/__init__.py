"""How a host starts: on this machine, plain or below mpiexec; and how one is talked to and ended (``process``)."""

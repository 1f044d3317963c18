"""What runs in the measured processes: nothing of the controller. Standard library only, but for
threadpoolctl where the workload has loaded a BLAS, and what the workload and the backend themselves are made of.

``__main__`` takes the descriptors, ``serve`` answers the controller, or ``program`` where a command is measured; ``worker``
runs tasks in each worker and ``recorder`` takes their times, ``nodes`` brings the clocks of others onto the host's; ``probe``
finds out what is true there, ``about`` what is installed, ``answers`` turns results into digests, ``protocol`` is the wire.
"""

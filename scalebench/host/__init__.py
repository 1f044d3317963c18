"""What runs in the measured processes: nothing of the controller. Standard library only, but for
threadpoolctl where the workload has loaded a BLAS, and what the workload and the backend themselves are made of.

``__main__`` takes the descriptors, ``serve`` answers the controller, ``worker`` runs tasks in each worker,
``probe`` finds out what is true there, ``answers`` turns results into digests, ``protocol`` is the wire.
"""

"""What runs in the measured processes: standard library only, and nothing of the controller.

``__main__`` takes the descriptors, ``serve`` answers the controller, ``worker`` runs tasks in each worker,
``probe`` finds out what is true there, ``answers`` turns results into digests, ``protocol`` is the wire.
"""

"""What a round takes at worker counts that nobody measured, simulated from parts that somebody did."""

"""One call from its INVITE to its end: pure, driven by the SIP core's events and by ports for everything else."""

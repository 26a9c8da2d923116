"""The signalling process and the command line of Ringplan."""

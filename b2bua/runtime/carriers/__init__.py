"""The ways out: trunks, their addresses, and the watch on them."""

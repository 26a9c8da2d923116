"""The recordings that the service speaks, and the script that made them."""

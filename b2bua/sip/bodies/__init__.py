"""What bodies other than descriptions hold: keys, a location, a message summary."""

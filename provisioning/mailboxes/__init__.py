"""The users' side of their mailboxes, for the media host."""

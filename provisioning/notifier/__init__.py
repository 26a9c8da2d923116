"""Telling people of voice messages and missed calls: by e-mail, and by a signed webhook (BEHAVIOUR V5)."""

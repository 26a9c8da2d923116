"""Dialogs (RFC 3261 §12) and what lives in them: INVITE sessions and subscriptions."""

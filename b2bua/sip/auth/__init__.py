"""Digest authentication (RFC 7616, RFC 3261 §22): asking for credentials, and giving our own."""

"""The SIP core (RFC 3261): messages, transactions, dialogs, sessions. Pure: no socket, no clock, no randomness."""

"""Transactions (RFC 3261 §17): a request, its responses, and sending both until they have arrived."""

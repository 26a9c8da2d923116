"""Trunks: whose call it is, numbers as a carrier writes them, registration and health; pure."""

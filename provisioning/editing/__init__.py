"""The one way to change a setting."""

"""Settings, logging and the vocabulary of the log. Imports nothing else of this project."""

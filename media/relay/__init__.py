"""The relay of every call's RTP: its process (`host`), and what signalling uses of it (`client`)."""

"""Instruments of the tests: phones, RTP endpoints, meters for sound, and a whole service to try them on."""

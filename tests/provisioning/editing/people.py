"""Who edits, in the tests of editing."""

from __future__ import annotations

from datetime import UTC, datetime

from provisioning.editing.access import Actor, Administrator, Partner, Themselves, Way

NOON = datetime(2030, 6, 1, 12, tzinfo=UTC)
ACME, BETA = 1, 2
ANNA, BERT, CLEO = 1, 2, 3
CARRIER = 1
PARTNER = Actor("pat@partner.example", Way.PORTAL, (Partner(),))
ADMIN = Actor("admin@acme.example", Way.API, (Administrator(ACME),))
BERTS = Actor("bert@acme.example", Way.PORTAL, (Themselves(BERT),))

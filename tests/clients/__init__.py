"""Real phones, baresip and pjsua2, against a whole service."""

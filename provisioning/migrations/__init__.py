"""The schema's history, run by `provisioning.database` when the store opens."""

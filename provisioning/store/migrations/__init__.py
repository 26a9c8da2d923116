"""The schema's history, run by `provisioning.store.database` when the store opens."""

"""The store: customers, users, devices, trunks and their rules, the company file, bindings, the call log."""

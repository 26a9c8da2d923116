"""What outlives a call, or a process: the call log, the trace, dialogs on disk, emergencies."""

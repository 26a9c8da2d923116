"""From settings to a call plan and from a plan to plain words; pure, and imports nothing else of Ringplan."""

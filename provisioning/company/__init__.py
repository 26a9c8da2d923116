"""What may be saved, in words: entries, their rules, and what a change says. No I/O."""

"""Sound: the relay, the media host with its workers, scripts and prompts, and the mailboxes."""

"""What callers experience: each script is a pure state machine that the media host runs on a worker."""

"""`ringplan run`: starts the processes of the service, keeps them running, merges their logs, stops them."""

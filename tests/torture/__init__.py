"""What is too long for `make test`: a service that is killed, attacked and worn out. `make torture` runs it."""

"""What Ringplan costs and how fast it is: `make bench` (docs/benchmarks.md)."""

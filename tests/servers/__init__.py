"""Symbol servers to test against: each enforces the rules of one upload protocol (README.md)."""

"""What is kept: tables and their invariants."""

"""What is kept: tables and their invariants. Nothing here knows of tokens, diagrams or pages."""

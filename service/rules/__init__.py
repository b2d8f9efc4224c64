"""What law and municipality say, as pure functions: no database, no clock, no HTTP."""

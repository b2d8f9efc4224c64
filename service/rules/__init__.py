"""What law and municipality say: permissions, the calendar, identifiers. Pure; never asks for the time."""

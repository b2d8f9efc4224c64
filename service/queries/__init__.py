"""What people look up: frozen results, filtered by the same table of permissions as the commands."""

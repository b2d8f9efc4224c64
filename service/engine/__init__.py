"""What process owners drew, interpreted: diagrams, tables, forms, expressions. No database, no HTTP."""

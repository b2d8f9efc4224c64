"""What process owners drew, interpreted: diagrams, decision tables, forms, expressions. No database, no HTTP."""

"""A service for the same job as RPA Watch's ingest, as a team that knows Django well would write it."""

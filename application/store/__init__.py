"""The event store on PostgreSQL: its tables, its recorder, its connections, and the embedded server."""

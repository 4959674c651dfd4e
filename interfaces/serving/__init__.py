"""The processes of an installation: `serve`, what it starts beside itself, and how they end together."""

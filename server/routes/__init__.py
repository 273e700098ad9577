"""The routes: each parses, calls one service, and returns a schema."""

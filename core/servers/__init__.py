"""The servers that Signalist brings along: Postgres with pgvector and Valkey, with their data in the data dir."""

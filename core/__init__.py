"""What Signalist is: models, queries, pipeline, health, plans and actions."""

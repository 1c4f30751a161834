"""What changes infrastructure: explored, planned, approved by a person, run by a worker, verified, or undone.

docs/operations.md tells the protocol; core/indexes and core/migrations have the kinds.
"""

"""`python -m dashboard.cli`: the same as `signalist`, without looking for it on the PATH."""

from dashboard.cli.app import main

main()

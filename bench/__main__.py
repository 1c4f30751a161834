"""`make bench`: everything, one after the other."""

import importlib
from pathlib import Path

NOT_A_BENCHMARK = {"__main__", "ground", "feed_files", "taskiq_dashboard_server"}

for file in sorted(Path(__file__).parent.glob("*.py")):
    if file.stem not in NOT_A_BENCHMARK:
        importlib.import_module(f"bench.{file.stem}").main()

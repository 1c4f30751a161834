"""What squawk, a linter for migrations, says about SQL."""

import asyncio
import json
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

# Taste, and what does not hold here: time limits are set for the session, not in the SQL, and rows are few.
_EXCLUDED = (
    "require-lock-timeout",
    "require-statement-timeout",
    "prefer-bigint-over-int",
    "prefer-bigint-over-smallint",
    "prefer-identity",
    "prefer-robust-stmts",
    "prefer-text-field",
    "prefer-timestamp-tz",
)
_PATIENCE_S = 10.0


@dataclass(frozen=True)
class Finding:
    """`rule` is squawk's name for it, `message` and `help` are its own sentences."""

    rule: str
    message: str
    help: str | None
    statement: str


async def lint(script: Sequence[str], version: str) -> tuple[Finding, ...] | None:
    """Findings for SQL, with its BEGIN and COMMIT, on Postgres `version`; None where squawk cannot be run."""
    program = _program()
    if program is None or not script:
        return None if program is None else ()
    sql = ";\n".join(script) + ";\n"
    major = version.partition(".")[0]
    process = await asyncio.create_subprocess_exec(
        program, "--reporter", "json", "--stdin-filepath", "revision.sql",
        "--pg-version", f"{major}.0", *(f"--exclude={rule}" for rule in _EXCLUDED),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        answer, _ = await asyncio.wait_for(process.communicate(sql.encode()), _PATIENCE_S)
    except TimeoutError:
        process.kill()
        return None
    try:
        found = json.loads(answer or b"[]")
    except ValueError:
        return None
    lines = sql.splitlines()
    return tuple(
        Finding(each["rule_name"], each["message"], each.get("help"), lines[min(each["line"], len(lines) - 1)].strip())
        for each in found
    )


def _program() -> str | None:
    """Beside this interpreter, where its wheel put it, else on the PATH."""
    beside = Path(sys.executable).with_name("squawk")
    return str(beside) if beside.exists() else shutil.which("squawk")

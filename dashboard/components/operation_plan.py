"""What an operation will do, or did: in words first, and word for word below."""

from core.operations.plan import Danger, Plan
from core.phrases import counted
from dashboard.components.html import Text, box, prose

_MARK = {"danger": "✕ Danger", "warning": "▲ Careful"}


def operation_plan(plan: Plan) -> None:
    """Draws the plan, here."""
    for danger in plan.dangers:
        danger_banner(danger)
    with box("table", "plain pairs"):
        Text("caption", "The plan", "visually-hidden")
        with box("tbody"):
            if runs := will_run(plan):
                with box("tr"):
                    Text("th", "Will run").props("scope=row")
                    with box("td"):
                        Text("code", runs)
            for name, said in (
                ("Locks", plan.locks),
                ("Memory", plan.memory),
                ("Disk", plan.disk),
                ("Duration", plan.duration),
                ("Verify", plan.verify),
                ("Way back", plan.rollback),
                *((("Loses", plan.loses),) if plan.loses else ()),
            ):
                with box("tr"):
                    Text("th", name).props("scope=row")
                    prose("td", said, "bad" if name == "Loses" else "")


def will_run(plan: Plan) -> str:
    """The first statement that changes something, cut short, and how many more there are."""
    telling = [" ".join(sql.split()) for sql in plan.sql if not sql.lower().startswith(("set ", "analyze"))]
    if not telling:
        return ""
    first = telling[0] if len(telling[0]) <= 120 else f"{telling[0][:119]}…"
    return f"{first}; and {len(telling) - 1} more" if len(telling) > 1 else first


def operation_statements(plan: Plan, *, open_: bool = False) -> None:
    """The exact SQL of each step, with its locks and what a linter says."""
    with box("details", "statements") as details:
        if open_:
            details.props["open"] = True
        statements = f", {counted(len(plan.sql), 'statement')}" if plan.sql else ""
        Text("summary", f"Exactly what runs: {counted(len(plan.steps), 'step')}{statements}")
        with box("ol"):
            for step in plan.steps:
                with box("li"):
                    Text("div", step.title, "lede")
                    if step.sql:
                        Text("div", f"Locks: {step.locks}", "under")
                        Text("pre", "\n".join(f"{statement.rstrip(';')};" for statement in step.sql))
                    for finding in step.findings:
                        prose("div", f"squawk: {finding}", "under")


def danger_banner(danger: Danger) -> None:
    """What to think of before anybody says yes, here."""
    with box(classes=f"banner {'warn' if danger.severity == 'warning' else ''}"):
        Text("b", f"{_MARK[danger.severity]}: ")
        Text("span", danger.text)

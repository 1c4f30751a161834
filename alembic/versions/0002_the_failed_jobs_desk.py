"""the failed-jobs desk: counts that nobody has to count, actions that survive their process, indexes for each filter"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0002"
down_revision: str | None = "0001"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

OPEN = sa.text("state = 'open'")
LIVE = sa.text("state in ('open', 'retried')")

# Adds numbers to tallies. Of one that another transaction has locked, the change is left for whoever comes next.
ADD_TO_TALLIES = """
create function add_to_failure_tallies(kinds text[], names text[], hours timestamptz[], numbers bigint[])
returns void language plpgsql as $$
begin
    insert into failure_tallies (kind, name, hour, number)
         select c.kind, c.name, c.hour, 0
           from unnest(kinds, names, hours) as c (kind, name, hour)
          where not exists (select from failure_tallies t where (t.kind, t.name, t.hour) = (c.kind, c.name, c.hour))
          order by c.kind, c.name, c.hour
    on conflict do nothing;

    with due as materialized (
        select * from unnest(kinds, names, hours, numbers) as c (kind, name, hour, number)
    ), free as materialized (
        select t.kind, t.name, t.hour
          from failure_tallies t join due using (kind, name, hour)
         order by t.kind, t.name, t.hour
           for update of t skip locked
    ), left_over as (
        delete from failure_tally_changes c using free
         where (c.kind, c.name, c.hour) = (free.kind, free.name, free.hour)
        returning c.kind, c.name, c.hour, c.number
    ), added as (
        select kind, name, hour, sum(number) as number
          from (select * from left_over union all select due.* from due join free using (kind, name, hour)) as parts
         group by kind, name, hour
    ), counted as (
        update failure_tallies t set number = t.number + added.number
          from added
         where (t.kind, t.name, t.hour) = (added.kind, added.name, added.hour)
    )
    insert into failure_tally_changes (kind, name, hour, number)
    select * from due where not exists (select from free where (free.kind, free.name, free.hour) = (due.kind, due.name, due.hour));
end $$
"""

# What one row counts for while it is open.
TALLIES_OF = """
create function failure_tallies_of(state text, task text, queue text, fingerprint text, sign int)
returns table (kind text, name text, hour timestamptz, number int) language sql immutable as $$
    select v.kind, v.name, 'epoch'::timestamptz, sign
      from (values ('open', ''), ('task', task), ('queue', queue), ('cause', fingerprint)) as v (kind, name)
     where state = 'open'
$$
"""

COUNT = """
create function count_failed_jobs() returns trigger language plpgsql as $$
declare
    kinds text[];
    names text[];
    hours timestamptz[];
    numbers bigint[];
begin
    case tg_op
    when 'TRUNCATE' then
        truncate failure_tallies, failure_tally_changes;
        return null;
    when 'INSERT' then
        select array_agg(c.kind), array_agg(c.name), array_agg(c.hour), array_agg(c.number)
          into kinds, names, hours, numbers
          from (
            select p.kind, p.name, p.hour, sum(p.number) as number
              from (
                select t.* from new_rows n, failure_tallies_of(n.state, n.task, n.queue, n.fingerprint, 1) t
                union all
                select 'hour', n.fingerprint, date_trunc('hour', n.last_failed_at, 'UTC'), 1 from new_rows n
              ) as p
             group by p.kind, p.name, p.hour
          ) as c;
    when 'UPDATE' then
        select array_agg(c.kind), array_agg(c.name), array_agg(c.hour), array_agg(c.number)
          into kinds, names, hours, numbers
          from (
            select p.kind, p.name, p.hour, sum(p.number) as number
              from (
                select t.* from new_rows n, failure_tallies_of(n.state, n.task, n.queue, n.fingerprint, 1) t
                union all
                select t.* from old_rows o, failure_tallies_of(o.state, o.task, o.queue, o.fingerprint, -1) t
                union all
                select 'hour', n.fingerprint, date_trunc('hour', n.last_failed_at, 'UTC'), 1
                  from new_rows n join old_rows o using (id) where n.last_failed_at > o.last_failed_at
                union all
                select case n.state when 'open' then 'failed again' else 'succeeded' end, n.action_id::text, 'epoch', 1
                  from new_rows n join old_rows o using (id)
                 where o.state = 'retried' and n.state in ('open', 'succeeded') and n.action_id is not null
              ) as p
             group by p.kind, p.name, p.hour
            having sum(p.number) <> 0
          ) as c;
    when 'DELETE' then
        select array_agg(c.kind), array_agg(c.name), array_agg(c.hour), array_agg(c.number)
          into kinds, names, hours, numbers
          from (
            select t.kind, t.name, t.hour, sum(t.number) as number
              from old_rows o, failure_tallies_of(o.state, o.task, o.queue, o.fingerprint, -1) t
             group by t.kind, t.name, t.hour
          ) as c;
    end case;

    if tg_op in ('INSERT', 'UPDATE') then
        -- Hardly ever anything: a cause, or a task that it had not met yet.
        insert into failure_groups (fingerprint, exception, tasks, first_seen)
             select n.fingerprint, min(n.exception), array_agg(distinct n.task), min(n.first_failed_at)
               from new_rows n
              where not exists (
                    select from failure_groups g
                     where g.fingerprint = n.fingerprint and (n.task = any (g.tasks) or cardinality(g.tasks) >= 20))
              group by n.fingerprint
              order by n.fingerprint
        on conflict (fingerprint) do update
                set tasks = (select (array_agg(distinct task order by task))[1:20]
                               from unnest(failure_groups.tasks || excluded.tasks) as task);
    end if;
    if kinds is not null then
        perform add_to_failure_tallies(kinds, names, hours, numbers);
    end if;
    return null;
end $$
"""

TRIGGERS = {
    "insert": "referencing new table as new_rows",
    "update": "referencing old table as old_rows new table as new_rows",
    "delete": "referencing old table as old_rows",
    "truncate": "",
}

# What was there before the trigger.
BACKFILL = """
insert into failure_groups (fingerprint, exception, tasks, first_seen)
     select fingerprint, min(exception), (array_agg(distinct task))[1:20], min(first_failed_at)
       from failed_jobs group by fingerprint;
insert into failure_tallies (kind, name, number)
     select t.kind, t.name, count(*)
       from failed_jobs f, failure_tallies_of(f.state, f.task, f.queue, f.fingerprint, 1) t
      group by t.kind, t.name;
insert into failure_tallies (kind, name, hour, number)
     select 'hour', fingerprint, date_trunc('hour', last_failed_at, 'UTC'), count(*)
       from failed_jobs group by 2, 3
"""


def upgrade() -> None:
    op.create_table(
        "failed_job_actions",
        sa.Column("id", sa.UUID(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("verb", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("face", sa.Text(), nullable=False),
        sa.Column("filter", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("cutoff", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("total_is_exact", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("taken", sa.Integer(), server_default="0", nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("canary", sa.Integer(), server_default="0", nullable=False),
        sa.Column("canary_ids", sa.ARRAY(sa.UUID()), nullable=True),
        sa.Column("rate", sa.Double(), nullable=True),
        sa.Column("cursor_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cursor_id", sa.UUID(), nullable=True),
        sa.Column("next_step_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("verb in ('retry', 'discard', 'reopen')", name=op.f("ck_failed_job_actions_verb")),
        sa.CheckConstraint(
            "state in ('canary', 'running', 'done', 'cancelled', 'stopped')", name=op.f("ck_failed_job_actions_state")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_failed_job_actions")),
    )
    op.create_index("ix_failed_job_actions_newest", "failed_job_actions", ["created_at", "id"])
    op.create_index(
        "ix_failed_job_actions_unfinished",
        "failed_job_actions",
        ["next_step_at"],
        postgresql_where=sa.text("finished_at is null"),
    )
    op.create_table(
        "failure_groups",
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("exception", sa.Text(), nullable=False),
        sa.Column("tasks", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("first_seen", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("fingerprint", name=op.f("pk_failure_groups")),
    )
    op.create_table(
        "failure_tallies",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("hour", sa.DateTime(timezone=True), server_default=sa.text("'epoch'"), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "name", "hour", name=op.f("pk_failure_tallies")),
    )
    op.create_index(
        "ix_failure_tallies_largest",
        "failure_tallies",
        ["kind", "number", "name"],
        postgresql_where=sa.text("kind in ('cause', 'task', 'queue') and number > 0"),
    )
    op.create_table(
        "failure_tally_changes",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("hour", sa.DateTime(timezone=True), server_default=sa.text("'epoch'"), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_failure_tally_changes")),
    )
    op.create_index("ix_failure_tally_changes_tally", "failure_tally_changes", ["kind", "name", "hour"])

    # A retry sends a job as it was sent.
    for name in ("kwargs", "labels"):
        op.add_column(
            "outbox",
            sa.Column(name, postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        )
    op.add_column("failed_jobs", sa.Column("action_id", sa.UUID(), nullable=True))
    op.drop_index("uq_failed_jobs_open_key", table_name="failed_jobs")
    op.drop_index("ix_failed_jobs_group", table_name="failed_jobs")
    op.drop_index("ix_failed_jobs_newest", table_name="failed_jobs")
    op.create_index("uq_failed_jobs_live_key", "failed_jobs", ["job_key"], unique=True, postgresql_where=LIVE)
    op.create_index("ix_failed_jobs_newest", "failed_jobs", ["last_failed_at", "id"], postgresql_where=OPEN)
    for name, column in (("task", "task"), ("queue", "queue"), ("cause", "fingerprint")):
        op.create_index(
            f"ix_failed_jobs_{name}", "failed_jobs", [column, "last_failed_at", "id"], postgresql_where=OPEN
        )
    op.create_index(
        "ix_failed_jobs_settled",
        "failed_jobs",
        ["state", "last_failed_at", "id"],
        postgresql_where=sa.text("state <> 'open'"),
    )
    op.create_index(
        "ix_failed_jobs_action",
        "failed_jobs",
        ["action_id", "state", "last_failed_at", "id"],
        postgresql_where=sa.text("action_id is not null"),
    )
    op.create_index("ix_failed_jobs_task_id", "failed_jobs", ["task_id"])
    op.create_index(
        "ix_failed_jobs_discarded_key",
        "failed_jobs",
        ["job_key"],
        postgresql_where=sa.text("state = 'discarded'"),
    )

    op.execute(ADD_TO_TALLIES)
    op.execute(TALLIES_OF)
    op.execute(COUNT)
    for statement in BACKFILL.split(";"):
        op.execute(statement)
    for event, referencing in TRIGGERS.items():
        op.execute(
            f"create trigger count_failed_jobs_{event} after {event} on failed_jobs {referencing} "
            "for each statement execute function count_failed_jobs()"
        )


def downgrade() -> None:
    for event in TRIGGERS:
        op.execute(f"drop trigger count_failed_jobs_{event} on failed_jobs")
    op.execute("drop function count_failed_jobs()")
    op.execute("drop function failure_tallies_of(text, text, text, text, int)")
    op.execute("drop function add_to_failure_tallies(text[], text[], timestamptz[], bigint[])")
    op.drop_table("failure_tally_changes")
    op.drop_table("failure_tallies")
    op.drop_table("failure_groups")
    op.drop_table("failed_job_actions")
    for name in ("discarded_key", "task_id", "action", "settled", "cause", "queue", "task", "newest"):
        op.drop_index(f"ix_failed_jobs_{name}", table_name="failed_jobs")
    op.drop_index("uq_failed_jobs_live_key", table_name="failed_jobs")
    op.drop_column("failed_jobs", "action_id")
    op.drop_column("outbox", "labels")
    op.drop_column("outbox", "kwargs")
    op.create_index("ix_failed_jobs_newest", "failed_jobs", ["state", "last_failed_at", "id"])
    op.create_index("ix_failed_jobs_group", "failed_jobs", ["state", "fingerprint", "last_failed_at", "id"])
    op.create_index("uq_failed_jobs_open_key", "failed_jobs", ["job_key"], unique=True, postgresql_where=OPEN)

-- A role that can run the dashboard, the workers and the scheduler, and nothing else: it cannot change the schema, and
-- of the record of actions it can add rows and read them, but neither change nor delete any.
--
-- Run it as the role that owns the database and its tables, once after `signalist db init`, and again
-- whenever you like; tables of later revisions get their rights by themselves:
--
--     psql "$ADMIN_DATABASE_URL" -f docs/least-privilege.sql
--     psql "$ADMIN_DATABASE_URL" -c "\password signalist_app"
--
-- Then DATABASE_URL names signalist_app, and ADMIN_DATABASE_URL the owner, for the workers and for `signalist db`, `index` and
-- `operations`.

-- A role belongs to the whole server. Where the owner may not make one, let a superuser run this statement.
do $$ begin
    if not exists (select from pg_roles where rolname = 'signalist_app') then
        create role signalist_app login nosuperuser nocreatedb nocreaterole noreplication;
    end if;
end $$;

-- Nobody makes tables or other objects here but the owner. (Before Postgres 15 everybody could.)
revoke create on schema public from public, signalist_app;
grant usage on schema public to signalist_app;

grant select, insert, update, delete on all tables in schema public to signalist_app;
alter default privileges in schema public grant select, insert, update, delete on tables to signalist_app;

-- The record of actions is only ever added to, and where the schema stands is not the application's to say.
revoke update, delete on records from signalist_app;
revoke insert, update, delete on alembic_version from signalist_app;

-- What the screens show of the server (sessions, progress of an index build) is more than an ordinary role may read.
-- Without it they say less; where the owner may not grant it, let a superuser do it.
do $$ begin
    grant pg_monitor to signalist_app;
exception when insufficient_privilege then
    raise notice 'pg_monitor was not granted: progress of index builds and sessions of others stay unknown.';
end $$;

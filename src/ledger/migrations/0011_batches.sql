-- The lines of tasks that are batches: each is a request with a charge of its own.

create table batch_line (
  task       text not null references task (id) on delete cascade,
  line       integer not null,
  custom_id  text,
  state      text not null default 'waiting' check (state in ('waiting', 'running', 'done')),
  -- under which it runs; a new one each time it is begun
  charge     text,
  -- an earlier run was charged before it was given up: every later one is free
  is_paid    boolean not null default false,
  -- encrypted: what is asked, nothing of it is left once it is done; and what was answered
  request    bytea,
  response   bytea,
  is_ok      boolean,
  cost       bigint,
  usage      jsonb,
  primary key (task, line)
);
create index batch_line_open on batch_line (task, line) where state <> 'done';

-- Begins a line, or begins it again: the former run's charge is given up, as in claim_task.
create function begin_batch_line(a_task text, a_line integer, a_charge text)
returns setof batch_line language plpgsql as $$
declare
  former batch_line%rowtype;
  paid boolean;
begin
  select b.* into former from batch_line b where b.task = a_task and b.line = a_line and b.state <> 'done' for update;
  if not found then return; end if;
  paid := former.is_paid;
  if former.charge is not null then
    perform pg_advisory_xact_lock(hashtextextended('sluice superseded', 0));
    paid := paid or exists (select 1 from usage u where u.id = former.charge and u.charged > 0);
    insert into superseded (request) values (case when paid then a_charge else former.charge end)
      on conflict do nothing;
  end if;
  return query
    update batch_line b set state = 'running', charge = a_charge, is_paid = paid
    where b.task = a_task and b.line = a_line returning b.*;
end $$;

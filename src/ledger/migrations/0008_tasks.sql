-- Work that outlives the request, and the node, that asked for it.

create table task (
  id             text primary key,
  tenant         text not null references tenant (id),
  key            text not null,
  operation      text not null,
  model          text not null,
  state          text not null check (state in
                   ('queued', 'submitting', 'running', 'storing', 'succeeded', 'failed', 'cancelled')),
  -- who looks for it when its node is gone
  shard          integer not null,
  -- where it runs, until when that node is believed to be alive, and how often it changed hands
  node           text not null,
  lease_until    timestamptz not null,
  run            integer not null default 1,
  -- the request under which it is charged; a new one each time it changes hands
  charge         text not null,
  -- an earlier run was charged before it was given up: every later one is free
  is_paid        boolean not null default false,
  -- encrypted: what was asked for, and by whom; nothing of it is left once the task has ended
  request        bytea,
  vendor         text,
  vendor_model   text,
  vendor_key     text,
  -- encrypted: what the vendor calls it
  job            bytea,
  progress       real,
  cancel_wanted  boolean not null default false,
  metadata       jsonb,
  webhook        text,
  error          jsonb,
  -- encrypted: what came of it
  result         bytea,
  usage          jsonb,
  cost           bigint,
  -- its last event
  seq            integer not null default 1,
  created_at     timestamptz not null default now(),
  started_at     timestamptz,
  ended_at       timestamptz,
  expires_at     timestamptz
);
create index task_of_tenant on task (tenant, created_at desc, id desc);
create index task_unfinished on task (lease_until) where ended_at is null;
create index task_expires on task (expires_at) where expires_at is not null;
create index task_of_job on task (vendor) where job is not null and ended_at is null;

-- What readers of a task are told, in order, from 1.
create table task_event (
  task  text not null references task (id) on delete cascade,
  seq   integer not null,
  data  jsonb not null,
  primary key (task, seq)
);

-- One task of a node that is gone, for another run of it. The former run's charge is given up in the same breath: what
-- it comes to, whenever that is told, is the platform's; where it was booked before, the new one is free.
create function claim_task(a_shards jsonb, a_node text, a_charge text, lease_ms bigint)
returns setof task language plpgsql as $$
declare
  former task%rowtype;
  paid boolean;
begin
  select t.* into former from task t
    where t.ended_at is null and t.lease_until <= now()
      and (t.node = a_node or t.shard in (select value::integer from jsonb_array_elements_text(a_shards)))
    order by t.lease_until limit 1 for update skip locked;
  if not found then return; end if;
  perform pg_advisory_xact_lock(hashtextextended('sluice superseded', 0));
  paid := former.is_paid or exists (select 1 from usage u where u.id = former.charge and u.charged > 0);
  insert into superseded (request) values (case when paid then a_charge else former.charge end)
    on conflict do nothing;
  return query
    update task t set node = a_node, run = t.run + 1, charge = a_charge, is_paid = paid,
                      lease_until = now() + lease_ms * interval '1 millisecond'
    where t.id = former.id returning t.*;
end $$;

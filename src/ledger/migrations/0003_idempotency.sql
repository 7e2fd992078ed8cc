-- The same key and body of a client: one run, one answer, one charge.

create table idempotency (
  tenant       text not null references tenant (id),
  key          text not null,
  fingerprint  text not null,
  -- the run that counts, where it runs, and until when that node is believed to be alive
  request      text not null,
  node         text not null,
  lease_until  timestamptz not null,
  -- an earlier run was charged before it was given up: every later one is free
  is_paid      boolean not null default false,
  -- encrypted; null while it runs
  answer       bytea,
  expires_at   timestamptz not null,
  primary key (tenant, key)
);
create index idempotency_expires on idempotency (expires_at);

-- Runs that another took the place of, or that come after a charged one: what they cost is the platform's.
create table superseded (
  request     text primary key,
  created_at  timestamptz not null default now()
);

-- Charges are booked under a shared lock, runs are given up under the exclusive one: each sees all of the other.
create function claim_idempotency(a_tenant text, a_key text, a_fingerprint text, a_request text, a_node text,
                                  lease_ms bigint, keep_ms bigint)
returns table (verdict text, kept bytea) language plpgsql as $$
declare
  place idempotency%rowtype;
  lease timestamptz := now() + lease_ms * interval '1 millisecond';
  expiry timestamptz := now() + keep_ms * interval '1 millisecond';
begin
  insert into idempotency (tenant, key, fingerprint, request, node, lease_until, expires_at)
    values (a_tenant, a_key, a_fingerprint, a_request, a_node, lease, expiry) on conflict do nothing;
  if found then
    return query select 'claimed', null::bytea;
    return;
  end if;
  select * into place from idempotency i where i.tenant = a_tenant and i.key = a_key for update;
  if not found then
    -- given up just now: the caller looks again
    return query select 'running', null::bytea;
  elsif place.expires_at <= now() and (place.answer is not null or place.lease_until <= now()) then
    update idempotency i set fingerprint = a_fingerprint, request = a_request, node = a_node, lease_until = lease,
      is_paid = false, answer = null, expires_at = expiry where i.tenant = a_tenant and i.key = a_key;
    return query select 'claimed', null::bytea;
  elsif place.fingerprint <> a_fingerprint then
    return query select 'conflict', null::bytea;
  elsif place.answer is not null then
    return query select 'answered', place.answer;
  elsif place.lease_until > now() then
    return query select 'running', null::bytea;
  else
    perform pg_advisory_xact_lock(hashtextextended('sluice superseded', 0));
    place.is_paid := place.is_paid or exists (select 1 from usage u where u.id = place.request and u.charged > 0);
    insert into superseded (request) values (case when place.is_paid then a_request else place.request end)
      on conflict do nothing;
    update idempotency i set request = a_request, node = a_node, lease_until = lease, is_paid = place.is_paid
      where i.tenant = a_tenant and i.key = a_key;
    return query select 'claimed', null::bytea;
  end if;
end $$;

create or replace function apply_usage(a_node text, a_epoch bigint, batch_name text, batch jsonb, gaps jsonb,
                                       from_sequence bigint, to_segment bigint, to_offset bigint, to_sequence bigint)
returns table (applied bigint, epoch bigint, segment bigint, byte_offset bigint, sequence bigint)
language plpgsql as $$
declare
  place node%rowtype;
begin
  -- Batches of one node wait for each other here, whoever applies them.
  select * into place from node where id = a_node for update;
  if not found then raise exception 'node % is not registered', a_node using errcode = 'SL002'; end if;
  if a_epoch = place.spool_epoch and from_sequence > greatest(place.spool_sequence, 1) then
    raise exception 'the ledger has the records of node % up to %, this batch begins at %', a_node,
      place.spool_sequence, from_sequence using errcode = 'SL003';
  end if;
  perform pg_advisory_xact_lock_shared(hashtextextended('sluice superseded', 0));
  if exists (select 1 from superseded) then
    batch := without_superseded(a_node, batch);
  end if;
  applied := book_usage(a_node, batch_name, batch, null, null, null);
  insert into spool_gap (node, expected, found)
    select a_node, g.expected, g.found from jsonb_to_recordset(gaps) as g(expected bigint, found bigint)
    on conflict do nothing;
  if a_epoch = place.spool_epoch and to_sequence > place.spool_sequence then
    update node set spool_segment = to_segment, spool_offset = to_offset, spool_sequence = to_sequence,
                    last_seen = now() where id = a_node returning * into place;
  end if;
  return query select applied, place.spool_epoch, place.spool_segment, place.spool_offset, place.spool_sequence;
end $$;

-- The batch with the charges of superseded runs as losses; their points go from the node's purse back to the tenant.
create function without_superseded(a_node text, batch jsonb) returns jsonb language plpgsql as $$
declare
  run record;
begin
  for run in
    select r->>'id' as id, r->>'tenant' as tenant, (r->>'charged')::bigint as charged
    from jsonb_array_elements(batch) r join superseded s on s.request = r->>'id'
    where (r->>'charged')::bigint > 0 and not exists (select 1 from usage u where u.id = r->>'id')
    -- in one order everywhere, so that two batches never wait for each other in a ring
    order by r->>'tenant'
  loop
    perform move_points('superseded:' || run.id, 'return', open_account('purse', run.tenant, a_node),
                        open_account('tenant', run.tenant, null), run.charged);
  end loop;
  return (
    select coalesce(jsonb_agg(case when s.request is null then r else r || jsonb_build_object(
             'charged', '0', 'loss', ((r->>'charged')::bigint + (r->>'loss')::bigint)::text,
             'flags', (r->'flags') || '["superseded"]'::jsonb) end order by place), '[]')
    from jsonb_array_elements(batch) with ordinality as rows(r, place)
    left join superseded s on s.request = r->>'id');
end $$;

-- Responses as OpenAI's dialect keeps them: to be fetched, and to be gone on from by `previous_response_id`.

create table response (
  tenant       text not null references tenant (id),
  id           text not null,
  -- the one it goes on from; both are of the same tenant
  previous     text,
  -- turns, and bytes of all of them: how much a conversation is before it is read
  turns        integer not null,
  chain_bytes  bigint not null,
  -- encrypted: what this turn was asked and answered
  content      bytea not null,
  expires_at   timestamptz not null,
  primary key (tenant, id)
);
create index response_expires on response (expires_at);
create index response_oldest on response (tenant, expires_at);

-- What a tenant's responses take.
create table response_room (
  tenant  text primary key references tenant (id),
  bytes   bigint not null
);

create function count_response_room() returns trigger language plpgsql as $$
begin
  if tg_op = 'INSERT' then
    -- in one order everywhere, so that two statements never wait for each other in a ring
    insert into response_room (tenant, bytes)
      select tenant, sum(octet_length(content)) from changed group by tenant order by tenant
      on conflict (tenant) do update set bytes = response_room.bytes + excluded.bytes;
  else
    insert into response_room (tenant, bytes)
      select tenant, -sum(octet_length(content)) from changed group by tenant order by tenant
      on conflict (tenant) do update set bytes = response_room.bytes + excluded.bytes;
  end if;
  return null;
end $$;
create trigger response_added after insert on response referencing new table as changed
  for each statement execute function count_response_room();
create trigger response_removed after delete on response referencing old table as changed
  for each statement execute function count_response_room();

-- False: what it goes on from is not there any more.
create function keep_response(a_tenant text, a_id text, a_previous text, a_content bytea, keep_ms bigint,
                              most_tenant_bytes bigint)
returns boolean language plpgsql as $$
declare
  size bigint := octet_length(a_content);
  lifetime interval := keep_ms * interval '1 millisecond';
  base_turns integer := 0;
  base_bytes bigint := 0;
  taken bigint;
  victim record;
begin
  -- A crash of Postgres may lose the last of them: nobody's money hangs on it, and an answer's end waits for this.
  perform set_config('synchronous_commit', 'off', true);
  if a_previous is not null then
    select r.turns, r.chain_bytes into base_turns, base_bytes from response r
      where r.tenant = a_tenant and r.id = a_previous;
    if not found then return false; end if;
    -- What it goes on from outlives it; moved by more than is needed, so that not every turn moves every other.
    with recursive chain as (
      select r.id, r.previous, r.expires_at from response r where r.tenant = a_tenant and r.id = a_previous
      union all
      select r.id, r.previous, r.expires_at from response r join chain c on r.tenant = a_tenant and r.id = c.previous
    )
    update response r set expires_at = now() + lifetime * 1.5 from chain c
      where r.tenant = a_tenant and r.id = c.id and c.expires_at < now() + lifetime;
  end if;
  insert into response (tenant, id, previous, turns, chain_bytes, content, expires_at)
    values (a_tenant, a_id, a_previous, base_turns + 1, base_bytes + size, a_content, now() + lifetime);
  select bytes into taken from response_room where tenant = a_tenant;
  if taken > most_tenant_bytes then
    for victim in
      select r.id, octet_length(r.content) as bytes from response r where r.tenant = a_tenant and r.id <> a_id
      order by r.expires_at for update skip locked
    loop
      exit when taken <= most_tenant_bytes;
      delete from response r where r.tenant = a_tenant and r.id = victim.id;
      taken := taken - victim.bytes;
    end loop;
  end if;
  return true;
end $$;

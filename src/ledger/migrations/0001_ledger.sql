-- Money, who owns it, and what it was spent on. Amounts are micropoints in bigint.

create table tenant (
  id          text primary key check (id ~ '^[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}$'),
  name        text not null,
  tier        text not null check (tier in ('vip', 'normal', 'test')),
  created_at  timestamptz not null default now()
);

create table api_key (
  id           text primary key,
  tenant       text not null references tenant (id),
  name         text not null,
  hash         text not null unique,
  scopes       jsonb,
  models       jsonb,
  vendors      jsonb,
  ips          jsonb,
  limits       jsonb,
  budget       jsonb,
  policy       jsonb not null default '{}',
  expires_at   timestamptz,
  -- set by revocation (at once) and by rotation (after the grace)
  valid_until  timestamptz,
  created_at   timestamptz not null default now()
);
create index api_key_tenant on api_key (tenant);

-- Double entry: every movement is a transfer between two accounts.
-- source: where top-ups come from (below zero by what was sold) · tenant: points not granted to a node ·
-- purse: points a node may spend for a tenant · revenue: points earned · loss: what the platform bore (below zero).
create table account (
  id         bigint generated always as identity primary key,
  kind       text not null check (kind in ('source', 'tenant', 'purse', 'revenue', 'loss')),
  tenant     text references tenant (id),
  node       text,
  balance    bigint not null default 0,
  overdraft  bigint not null default 0 check (overdraft >= 0),
  unique nulls not distinct (kind, tenant, node),
  check ((kind in ('tenant', 'purse')) = (tenant is not null)),
  check ((kind = 'purse') = (node is not null)),
  constraint account_not_overdrawn check (kind in ('source', 'loss') or balance + overdraft >= 0)
);
insert into account (kind) values ('source'), ('revenue'), ('loss');

create table transfer (
  id          text primary key,
  kind        text not null check (kind in ('topup', 'grant', 'return', 'settle', 'loss')),
  debit       bigint not null references account (id),
  credit      bigint not null references account (id),
  amount      bigint not null check (amount > 0),
  created_at  timestamptz not null default now(),
  check (debit <> credit)
);
create index transfer_debit on transfer (debit);
create index transfer_credit on transfer (credit);
create index transfer_topup on transfer (credit) where kind = 'topup';

create function refuse_change() returns trigger language plpgsql as $$
begin
  raise exception '% rows are written once and never changed', tg_table_name using errcode = 'restrict_violation';
end $$;
create trigger transfer_is_immutable before update or delete on transfer
  for each row execute function refuse_change();
create trigger transfer_is_kept before truncate on transfer
  for each statement execute function refuse_change();

-- Every price that was ever applied, named by its content.
create table price (
  id          text primary key,
  vendor      text not null,
  model       text not null,
  spec        jsonb not null,
  created_at  timestamptz not null default now()
);

create table node (
  id             text primary key,
  first_seen     timestamptz not null default now(),
  last_seen      timestamptz not null default now(),
  -- how far this node's spool was applied: everything before is in the ledger
  spool_segment  bigint not null default 0,
  spool_offset   bigint not null default 0,
  spool_sequence bigint not null default 0
);

-- A hole in a node's spool: records that were numbered and are not there.
create table spool_gap (
  node        text not null references node (id),
  expected    bigint not null,
  found       bigint not null,
  noticed_at  timestamptz not null default now(),
  primary key (node, expected)
);

-- One row a request that was admitted. Partitioned by the day (UTC) of its admission, which the record itself
-- carries: a record applied again meets its own row.
create table usage (
  day            date not null,
  id             text not null,
  tenant         text not null,
  key            text not null,
  tier           text not null,
  node           text not null,
  region         text not null,
  operation      text not null,
  stream         text,
  model          text not null,
  vendor         text,
  vendor_model   text,
  at             timestamptz not null,
  duration_ms    bigint not null,
  first_token_ms bigint,
  outcome        text not null check (outcome in ('completed', 'truncated', 'failed', 'cancelled')),
  finish_reason  text,
  error_code     text,
  usage          jsonb not null,
  -- no foreign key: one record with a price that is not known must not hold up all that follow it
  price          text,
  charged        bigint not null check (charged >= 0),
  loss           bigint not null check (loss >= 0),
  attempts       jsonb not null,
  flags          jsonb not null,
  -- the transfers that carried this row's points, together with others of its batch
  settle         text,
  settle_loss    text,
  primary key (day, id)
) partition by range (day);
create index usage_id on usage (id);
create index usage_tenant on usage (tenant, at);
create index usage_settle on usage (settle) where settle is not null;
create index usage_settle_loss on usage (settle_loss) where settle_loss is not null;

create function ensure_usage_partition(wanted date) returns void language plpgsql as $$
declare
  partition_name text := 'usage_' || to_char(wanted, 'YYYYMMDD');
begin
  if to_regclass(partition_name) is not null then return; end if;
  perform pg_advisory_xact_lock(hashtext('sluice usage partitions'));
  execute format('create table if not exists %I partition of usage for values from (%L) to (%L)',
                 partition_name, wanted, wanted + 1);
end $$;

create table usage_rollup (
  hour          timestamptz not null,
  tenant        text not null,
  key           text not null,
  tier          text not null,
  model         text not null,
  vendor        text not null,
  requests      bigint not null,
  completed     bigint not null,
  input         bigint not null,
  cached_input  bigint not null,
  cache_write   bigint not null,
  output        bigint not null,
  reasoning     bigint not null,
  images        bigint not null,
  seconds       bigint not null,
  charged       bigint not null,
  loss          bigint not null,
  primary key (hour, tenant, key, model, vendor, tier)
);
create index usage_rollup_tenant on usage_rollup (tenant, hour);
create index usage_rollup_key on usage_rollup (key, hour);

create table setting (
  name   text primary key,
  value  text not null
);

-- Vendors and models managed through the admin API; what the configuration file declares is not here.
create table managed_vendor (
  id          text primary key,
  spec        jsonb not null,
  -- the vendor's keys, encrypted with a key that is not in this database
  sealed      bytea not null,
  updated_at  timestamptz not null default now()
);
create table managed_model (
  name        text primary key,
  spec        jsonb not null,
  updated_at  timestamptz not null default now()
);

-- Money moves below are one round trip each, and each may be repeated with its id.

create function open_account(a_kind text, a_tenant text, a_node text) returns bigint language plpgsql as $$
declare
  found_id bigint;
begin
  select id into found_id from account
    where kind = a_kind and tenant is not distinct from a_tenant and node is not distinct from a_node;
  if found_id is not null then return found_id; end if;
  insert into account (kind, tenant, node) values (a_kind, a_tenant, a_node) on conflict do nothing;
  select id into strict found_id from account
    where kind = a_kind and tenant is not distinct from a_tenant and node is not distinct from a_node;
  return found_id;
end $$;

-- Moves points once: the same id again moves nothing; for another move it is refused (SL001).
-- Accounts are touched in ascending id, so that two moves never wait for each other in a ring.
create function move_points(t_id text, t_kind text, from_account bigint, to_account bigint, t_amount bigint)
returns boolean language plpgsql as $$
begin
  insert into transfer (id, kind, debit, credit, amount)
    values (t_id, t_kind, from_account, to_account, t_amount) on conflict (id) do nothing;
  if not found then
    if not exists (select 1 from transfer t where t.id = t_id and t.kind = t_kind and t.debit = from_account
                   and t.credit = to_account and t.amount = t_amount) then
      raise exception 'transfer % was made before, and not like this', t_id using errcode = 'SL001';
    end if;
    return false;
  end if;
  if from_account < to_account then
    update account set balance = balance - t_amount where id = from_account;
    update account set balance = balance + t_amount where id = to_account;
  else
    update account set balance = balance + t_amount where id = to_account;
    update account set balance = balance - t_amount where id = from_account;
  end if;
  return true;
end $$;

create function top_up(t_tenant text, t_amount bigint, reference text)
returns table (applied boolean, balance bigint) language plpgsql as $$
declare
  -- no tenant's id has a slash, so that no two pairs make the same id
  t_id text := 'topup:' || t_tenant || '/' || reference;
  from_account bigint := open_account('source', null, null);
  to_account bigint := open_account('tenant', t_tenant, null);
begin
  applied := move_points(t_id, 'topup', from_account, to_account, t_amount);
  balance := (select sum(a.balance) from account a where a.tenant = t_tenant);
  return next;
end $$;

-- Grants `wanted`, or what the tenant has, but not less than `at_least`: then nothing, and `available` says how much
-- there would be. The same id answers what it granted the first time.
create function grant_points(t_id text, t_tenant text, t_node text, wanted bigint, at_least bigint)
returns table (granted bigint, available bigint) language plpgsql as $$
declare
  from_account bigint;
  to_account bigint;
begin
  from_account := open_account('tenant', t_tenant, null);
  to_account := open_account('purse', t_tenant, t_node);
  -- The row lock makes grants of one tenant wait for each other; a repeated id is then seen as applied.
  select a.balance + a.overdraft into available from account a where a.id = from_account for no key update;
  select t.amount into granted from transfer t where t.id = t_id;
  if granted is not null then
    perform move_points(t_id, 'grant', from_account, to_account, granted);  -- refuses another grant's id
    return next;
    return;
  end if;
  granted := least(wanted, available);
  if granted < at_least or granted <= 0 then
    granted := 0;
    return next;
    return;
  end if;
  perform move_points(t_id, 'grant', from_account, to_account, granted);
  available := available - granted;
  return next;
end $$;

create function give_back(t_id text, t_tenant text, t_node text, t_amount bigint) returns boolean language sql as $$
  select move_points(t_id, 'return', open_account('purse', t_tenant, t_node), open_account('tenant', t_tenant, null), t_amount);
$$;

-- Books one batch of a node's spool: each usage once (a row that is there already moves nothing), its points from the
-- node's purses to revenue, its losses, the hourly sums and the watermark, all or nothing.
-- `batch_name` names the transfers; `to_sequence` null leaves the watermark (records applied one by one).
create function apply_usage(a_node text, batch_name text, batch jsonb, to_segment bigint, to_offset bigint,
                            to_sequence bigint)
returns bigint language plpgsql as $$
declare
  applied bigint := 0;
  lost bigint := 0;
  revenue bigint;
begin
  -- The watermark says where to read on, never what to leave out: that is each row's own affair.
  perform 1 from node where id = a_node for update;
  if not found then raise exception 'node % is not registered', a_node using errcode = 'SL002'; end if;

  perform ensure_usage_partition(d.day) from (
    select distinct (to_timestamp((r->>'at')::double precision / 1000) at time zone 'UTC')::date as day
    from jsonb_array_elements(batch) r order by 1) d;

  create temporary table if not exists applied_usage (like usage) on commit delete rows;
  delete from applied_usage;
  with inserted as (
    insert into usage (day, id, tenant, key, tier, node, region, operation, stream, model, vendor, vendor_model, at,
                       duration_ms, first_token_ms, outcome, finish_reason, error_code, usage, price, charged, loss,
                       attempts, flags, settle, settle_loss)
    select (t.moment at time zone 'UTC')::date, r.id, r.tenant, r.key, r.tier, a_node, r.region, r.operation, r.stream,
           r.model, r.vendor, r."vendorModel", t.moment, r."durationMs", r."firstTokenMs", r.outcome,
           r."finishReason", r."errorCode", r.usage, r.price, r.charged, r.loss, r.attempts,
           r.flags,
           case when r.charged > 0 then 'settle:' || batch_name || '/' || r.tenant end,
           case when r.loss > 0 then 'loss:' || batch_name end
    from jsonb_to_recordset(batch) as r(id text, tenant text, key text, tier text, region text, operation text,
           stream text, model text, vendor text, "vendorModel" text, at double precision, "durationMs" bigint,
           "firstTokenMs" bigint, outcome text, "finishReason" text, "errorCode" text, usage jsonb, price text,
           charged bigint, loss bigint, attempts jsonb, flags jsonb),
         lateral (select to_timestamp(r.at / 1000) as moment) t
    on conflict do nothing
    returning *)
  insert into applied_usage select * from inserted;
  get diagnostics applied = row_count;

  insert into usage_rollup as s (hour, tenant, key, tier, model, vendor, requests, completed, input, cached_input,
                                 cache_write, output, reasoning, images, seconds, charged, loss)
  select date_trunc('hour', u.at, 'UTC'), u.tenant, u.key, u.tier, u.model, coalesce(u.vendor, ''), count(*),
         count(*) filter (where u.outcome = 'completed'), sum((u.usage->>'input')::bigint),
         sum((u.usage->>'cachedInput')::bigint), sum((u.usage->>'cacheWrite')::bigint),
         sum((u.usage->>'output')::bigint), sum((u.usage->>'reasoning')::bigint), sum((u.usage->>'images')::bigint),
         sum((u.usage->>'seconds')::bigint), sum(u.charged), sum(u.loss)
  from applied_usage u group by 1, 2, 3, 4, 5, 6 order by 1, 2, 3, 4, 5, 6
  on conflict (hour, tenant, key, model, vendor, tier) do update set
    requests = s.requests + excluded.requests, completed = s.completed + excluded.completed,
    input = s.input + excluded.input, cached_input = s.cached_input + excluded.cached_input,
    cache_write = s.cache_write + excluded.cache_write, output = s.output + excluded.output,
    reasoning = s.reasoning + excluded.reasoning, images = s.images + excluded.images,
    seconds = s.seconds + excluded.seconds, charged = s.charged + excluded.charged, loss = s.loss + excluded.loss;

  select coalesce(sum(loss), 0) into lost from applied_usage;
  if lost > 0 then
    perform move_points('loss:' || batch_name, 'loss', open_account('loss', null, null),
                        open_account('revenue', null, null), lost);
  end if;
  -- All purses of the batch at once: one move each would cost more than everything else together.
  perform open_account('purse', t.tenant, a_node) from (
    select distinct u.tenant from applied_usage u where u.charged > 0
    except select a.tenant from account a where a.kind = 'purse' and a.node = a_node) t;
  revenue := open_account('revenue', null, null);
  perform 1 from account where id = revenue or (kind = 'purse' and node = a_node and tenant in (
    select u.tenant from applied_usage u where u.charged > 0)) order by id for no key update;
  with settled as (
    insert into transfer (id, kind, debit, credit, amount)
    select 'settle:' || batch_name || '/' || u.tenant, 'settle', a.id, revenue, sum(u.charged)
    from applied_usage u join account a on a.kind = 'purse' and a.node = a_node and a.tenant = u.tenant
    where u.charged > 0 group by u.tenant, a.id
    returning debit, amount),
  paid as (
    update account a set balance = a.balance - s.amount from settled s where a.id = s.debit)
  update account a set balance = a.balance + s.total from (select sum(amount) as total from settled) s
  where a.id = revenue and s.total > 0;

  if to_sequence is not null then
    update node set spool_segment = to_segment, spool_offset = to_offset, spool_sequence = to_sequence,
                    last_seen = now() where id = a_node and spool_sequence < to_sequence;
  end if;
  return applied;
end $$;

-- Gives everything that is left in a node's purses back to their tenants. Asked again, it gives back what came since.
create function return_purses(a_node text, name text) returns bigint language plpgsql as $$
declare
  purse record;
  -- all at once and in ascending id: a grant has the tenant's account first, its purse second
  locked bigint[] := array(select a.id from account a where (a.kind = 'purse' and a.node = a_node)
    or (a.kind = 'tenant' and a.tenant in (select p.tenant from account p where p.kind = 'purse' and p.node = a_node))
    order by a.id for no key update);
  returned bigint := 0;
begin
  -- what was opened since is not locked, and left alone
  for purse in
    select id, tenant, balance from account where id = any (locked) and kind = 'purse' and balance > 0 order by id
  loop
    -- The name alone would come again when a node stops twice at the same place.
    perform move_points('return:' || name || '/' || purse.tenant || '/' || gen_random_uuid(), 'return', purse.id,
                        open_account('tenant', purse.tenant, null), purse.balance);
    returned := returned + purse.balance;
  end loop;
  return returned;
end $$;

-- Messages to tenants' own servers, kept until they are taken or given up.

create table webhook_delivery (
  -- `msg_…`: the same through all attempts
  id           text primary key,
  tenant       text not null references tenant (id),
  event        text not null,
  -- for fairness between hosts; the whole URL may hold a secret and is in content
  host         text not null,
  -- encrypted: URL, body, and the secret of its own if it has one
  content      bytea not null,
  state        text not null default 'pending' check (state in ('pending', 'delivered', 'undeliverable')),
  attempts     integer not null default 0,
  -- when it is due; while a node sends it, when another may take it over
  next_at      timestamptz not null default now(),
  -- what was answered last: a status, or why there was none
  last_status  integer,
  last_error   text,
  created_at   timestamptz not null default now(),
  -- no attempt begins after
  give_up_at   timestamptz not null,
  settled_at   timestamptz
);
create index webhook_due on webhook_delivery (next_at) where state = 'pending';
create index webhook_settled on webhook_delivery (settled_at) where state <> 'pending';
create index webhook_of_tenant on webhook_delivery (tenant, created_at desc, id desc);

-- The secret with which a tenant's messages are signed, and the one before it for as long as that signs too.
create table webhook_secret (
  tenant          text primary key references tenant (id),
  secret          bytea not null,
  previous        bytea,
  previous_until  timestamptz,
  created_at      timestamptz not null default now()
);

-- Pictures and sound that are kept. The bytes are elsewhere (a disk, an S3 store), once for all who have the same.

create table media_object (
  -- SHA-256 of the bytes, in hex: also the name under which they are stored
  hash        text primary key,
  bytes       bigint not null,
  -- how many rows of media have it; what has none is removed
  refs        integer not null default 0 check (refs >= 0),
  -- somebody is about to store it, and may not be done yet
  claimed_at  timestamptz not null default now()
);
create index media_object_unused on media_object (claimed_at) where refs = 0;

create table media (
  id            text primary key,
  tenant        text not null references tenant (id),
  hash          text not null references media_object (hash),
  content_type  text not null,
  bytes         bigint not null,
  width         integer,
  height        integer,
  source        text not null check (source in ('result', 'upload', 'input')),
  created_at    timestamptz not null default now(),
  expires_at    timestamptz not null
);
create index media_expires on media (expires_at);

-- The same picture in another form or size.
create table media_variant (
  hash          text not null references media_object (hash) on delete cascade,
  form          text not null,
  content_type  text not null,
  bytes         bigint not null,
  primary key (hash, form)
);

-- What a tenant's uploads take.
create table media_room (
  tenant  text primary key references tenant (id),
  bytes   bigint not null
);

create function count_media() returns trigger language plpgsql as $$
declare
  step integer := case tg_op when 'INSERT' then 1 else -1 end;
begin
  -- in one order everywhere, so that two statements never wait for each other in a ring
  perform 1 from media_object o where o.hash in (select hash from changed) order by o.hash for no key update;
  update media_object o set refs = o.refs + step * c.many
    from (select hash, count(*)::integer as many from changed group by hash) c where o.hash = c.hash;
  insert into media_room (tenant, bytes)
    select tenant, step * sum(bytes) from changed where source = 'upload' group by tenant order by tenant
    on conflict (tenant) do update set bytes = media_room.bytes + excluded.bytes;
  return null;
end $$;
create trigger media_added after insert on media referencing new table as changed
  for each statement execute function count_media();
create trigger media_removed after delete on media referencing old table as changed
  for each statement execute function count_media();

-- A node's purses belong to one life of it: the epoch that its start began. A grant or a return of an earlier life that
-- comes late (its owner was paused, its answer was lost) must move nothing any more: nobody would know of it.

-- Begins a life. Waits for moves of the former one that are under way; none begins after.
create function register_node(a_node text)
returns table (epoch bigint, segment bigint, byte_offset bigint, sequence bigint) language plpgsql as $$
begin
  perform pg_advisory_xact_lock(hashtextextended('sluice life ' || a_node, 0));
  return query insert into node as n (id, spool_epoch) values (a_node, 1)
    on conflict (id) do update set last_seen = now(), spool_epoch = n.spool_epoch + 1
    returning n.spool_epoch, n.spool_segment, n.spool_offset, n.spool_sequence;
end $$;

-- Refused (SL004) when the life is over. Null: a move that belongs to none.
create function require_life(a_node text, a_epoch bigint) returns void language plpgsql as $$
begin
  if a_epoch is null then return; end if;
  perform pg_advisory_xact_lock_shared(hashtextextended('sluice life ' || a_node, 0));
  if not exists (select 1 from node n where n.id = a_node and n.spool_epoch = a_epoch) then
    raise exception 'node % has begun anew since', a_node using errcode = 'SL004';
  end if;
end $$;

alter function grant_points(text, text, text, bigint, bigint) rename to move_to_purse;
create function grant_points(t_id text, t_tenant text, t_node text, t_epoch bigint, wanted bigint, at_least bigint)
returns table (granted bigint, available bigint) language plpgsql as $$
begin
  perform require_life(t_node, t_epoch);
  return query select * from move_to_purse(t_id, t_tenant, t_node, wanted, at_least);
end $$;

alter function give_back(text, text, text, bigint) rename to move_from_purse;
create function give_back(t_id text, t_tenant text, t_node text, t_epoch bigint, t_amount bigint)
returns boolean language plpgsql as $$
begin
  perform require_life(t_node, t_epoch);
  return move_from_purse(t_id, t_tenant, t_node, t_amount);
end $$;

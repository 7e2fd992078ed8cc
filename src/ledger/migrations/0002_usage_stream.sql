-- A node's usage may come through a log that loses and repeats: the watermark never passes over what did not come.

-- Counts the openings of a node's spool: what was written under an earlier one (its disk may be lost, its numbers given
-- again) is booked and leaves the watermark alone.
alter table node add column spool_epoch bigint not null default 0;

alter function apply_usage(text, text, jsonb, bigint, bigint, bigint) rename to book_usage;

-- Books the records [from_sequence, to_sequence) of a node's spool and moves its watermark over them, all or nothing.
-- Records that are there already move nothing. What begins beyond the watermark is refused whole (SL003): something
-- before it was lost and must come first. `to_sequence` null leaves the watermark (records applied one by one).
-- Answers how many rows are new, and where the watermark is now.
create function apply_usage(a_node text, a_epoch bigint, batch_name text, batch jsonb, gaps jsonb,
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

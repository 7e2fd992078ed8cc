-- Classes of usage that are rare: a record has them only where they were counted, and older records never.
alter table usage_rollup
  add column cache_write_long bigint not null default 0,
  add column audio_input      bigint not null default 0,
  add column image_input      bigint not null default 0,
  add column audio_output     bigint not null default 0,
  add column image_output     bigint not null default 0,
  add column characters       bigint not null default 0;

-- As before, with their hourly sums.
create or replace function book_usage(a_node text, batch_name text, batch jsonb, to_segment bigint, to_offset bigint,
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
                                 cache_write, output, reasoning, images, seconds, cache_write_long, audio_input,
                                 image_input, audio_output, image_output, characters, charged, loss)
  select date_trunc('hour', u.at, 'UTC'), u.tenant, u.key, u.tier, u.model, coalesce(u.vendor, ''), count(*),
         count(*) filter (where u.outcome = 'completed'), sum((u.usage->>'input')::bigint),
         sum((u.usage->>'cachedInput')::bigint), sum((u.usage->>'cacheWrite')::bigint),
         sum((u.usage->>'output')::bigint), sum((u.usage->>'reasoning')::bigint), sum((u.usage->>'images')::bigint),
         sum((u.usage->>'seconds')::bigint), coalesce(sum((u.usage->>'cacheWriteLong')::bigint), 0),
         coalesce(sum((u.usage->>'audioInput')::bigint), 0), coalesce(sum((u.usage->>'imageInput')::bigint), 0),
         coalesce(sum((u.usage->>'audioOutput')::bigint), 0), coalesce(sum((u.usage->>'imageOutput')::bigint), 0),
         coalesce(sum((u.usage->>'characters')::bigint), 0), sum(u.charged), sum(u.loss)
  from applied_usage u group by 1, 2, 3, 4, 5, 6 order by 1, 2, 3, 4, 5, 6
  on conflict (hour, tenant, key, model, vendor, tier) do update set
    requests = s.requests + excluded.requests, completed = s.completed + excluded.completed,
    input = s.input + excluded.input, cached_input = s.cached_input + excluded.cached_input,
    cache_write = s.cache_write + excluded.cache_write, output = s.output + excluded.output,
    reasoning = s.reasoning + excluded.reasoning, images = s.images + excluded.images,
    seconds = s.seconds + excluded.seconds, cache_write_long = s.cache_write_long + excluded.cache_write_long,
    audio_input = s.audio_input + excluded.audio_input, image_input = s.image_input + excluded.image_input,
    audio_output = s.audio_output + excluded.audio_output, image_output = s.image_output + excluded.image_output,
    characters = s.characters + excluded.characters, charged = s.charged + excluded.charged, loss = s.loss + excluded.loss;

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

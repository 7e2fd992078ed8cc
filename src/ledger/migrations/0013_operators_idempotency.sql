-- Operators' calls carry idempotency keys as well: theirs are no tenant's.
alter table idempotency drop constraint idempotency_tenant_fkey;

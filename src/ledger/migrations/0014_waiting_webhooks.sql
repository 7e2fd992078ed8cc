-- How many of a tenant's messages wait is asked for each new one.
create index webhook_waiting on webhook_delivery (tenant) where state = 'pending';

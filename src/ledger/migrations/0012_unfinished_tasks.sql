-- How many of a tenant's tasks have not ended is asked for each new one.
create index task_unfinished_of_tenant on task (tenant) where ended_at is null;

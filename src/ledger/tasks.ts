import type { TransactionSql } from "postgres";
import type { JsonObject } from "../core/generation.ts";
import type { KeyId, NodeId, RequestId, TaskId, TenantId } from "../core/ids.ts";
import type { Micropoints } from "../core/points.ts";
import type { Task, TaskEndState, TaskError, TaskKind, TaskResult, TaskState } from "../core/task.ts";
import type { Usage } from "../core/usage.ts";
import type { Sql } from "./database.ts";
import type { Seal } from "./sealed.ts";
import { type TaskRow, taskOf } from "./task-row.ts";

/** Work that outlives the request and the node that asked for it. Whoever has a task's `run` may change it, nobody else. */
export interface TaskLedger {
  /**
   * A new task, run by this node, with what belongs to it. Its first event is that it is queued. False: its tenant would
   * have more than `most` unfinished ones, on all nodes; nothing happens then.
   */
  accept(task: NewTask, most: number, also?: (transaction: Transaction) => Promise<void>): Promise<boolean>;
  /** False: the task is another run's by now, and this one must let go of it. */
  move(run: TaskRun, change: TaskChange): Promise<boolean>;
  /** The last change. `also` is done in the same transaction, only if it takes place. False: as above. */
  end(run: TaskRun, end: TaskEnd, also?: (transaction: Transaction) => Promise<void>): Promise<boolean>;
  /** These still run here. Answers those that are still this node's, and which of them are to be cancelled. */
  renew(runs: readonly TaskRun[]): Promise<ReadonlyMap<TaskId, { readonly isCancelWanted: boolean }>>;
  /** Gives a task to whoever claims it next. */
  release(run: TaskRun): Promise<void>;
  /**
   * One task of these shards (or of this node) that nobody has renewed, now this node's, under a new charge; the former
   * one is given up.
   */
  claim(shards: readonly number[], charge: RequestId): Promise<ClaimedTask | undefined>;
  /** What a former life of this node had is nobody's: it can be claimed at once. */
  releaseOwn(): Promise<void>;
  /** How many of a tenant's have not ended, on all nodes. */
  unfinished(tenant: TenantId): Promise<number>;
  find(tenant: TenantId, id: TaskId): Promise<Task | undefined>;
  /** Those of them that there are, in no order. */
  findAll(tenant: TenantId, ids: readonly TaskId[]): Promise<readonly Task[]>;
  list(tenant: TenantId, which: TaskSelection): Promise<readonly Task[]>;
  /** Events after one, at most so many. */
  events(id: TaskId, after: number, most: number): Promise<readonly TaskEvent[]>;
  /** Of these, which have events, and how many. */
  lastEvents(ids: readonly TaskId[]): Promise<ReadonlyMap<TaskId, number>>;
  /** Undefined: there is none. What has ended stays as it is. */
  wantCancel(tenant: TenantId, id: TaskId): Promise<Task | undefined>;
  /** Forgets what is older than it is kept, at most so many at once. Answers how many. */
  forgetExpired(most: number): Promise<number>;
}

export type Transaction = TransactionSql<{ bigint: bigint }>;

/** The right to change a task. */
export interface TaskRun {
  readonly id: TaskId;
  readonly run: number;
}

export interface NewTask {
  readonly id: TaskId;
  readonly tenant: TenantId;
  readonly key: KeyId;
  readonly operation: TaskKind;
  readonly model: string;
  readonly shard: number;
  readonly charge: RequestId;
  /** Everything that another node needs to do it. Sealed. */
  readonly request: JsonObject;
  /** These are sealed, and kept for as long as the task. */
  readonly metadata?: JsonObject;
  /** For its client's dialect. */
  readonly about?: JsonObject;
  /** What signs the message is part of `request`. */
  readonly webhook?: string;
}

export interface TaskChange {
  readonly state: TaskState;
  readonly vendor?: string;
  readonly vendorModel?: string;
  readonly vendorKey?: string;
  /** What the vendor calls it. Sealed. */
  readonly job?: JsonObject;
  readonly progress?: number;
  /** Absent: readers are not told. */
  readonly event?: JsonObject;
}

export interface TaskEnd {
  readonly state: TaskEndState;
  readonly error?: TaskError;
  readonly result?: TaskResult;
  readonly usage?: Usage;
  readonly cost?: Micropoints;
  readonly event: JsonObject;
  /** Epoch milliseconds. */
  readonly expiresAt: number;
}

export interface ClaimedTask {
  readonly task: Task;
  readonly run: TaskRun;
  readonly request: JsonObject;
  readonly vendorKey: string | undefined;
  readonly job: JsonObject | undefined;
}

export interface TaskSelection {
  readonly most: number;
  /** The last one of the page before. */
  readonly after?: TaskId;
  readonly state?: TaskState;
  readonly operation?: TaskKind;
}

export interface TaskEvent {
  readonly seq: number;
  readonly data: JsonObject;
}

/** A node that has not renewed for so long is taken for dead: another one goes on with its tasks. */
const TASK_LEASE_MS = 15_000;

export function createTaskLedger(sql: Sql, node: NodeId, seal: Seal): TaskLedger {
  const sealed = (id: TaskId, value: unknown): Uint8Array => seal.seal(JSON.stringify(value), contextOf(id));
  const opened = (id: TaskId, bytes: Uint8Array): JsonObject =>
    JSON.parse(seal.open(bytes, contextOf(id))) as JsonObject; // what `sealed` wrote
  const shown = (row: TaskRow): Task =>
    taskOf(row, {
      result: row.result === null ? undefined : opened(row.id as TaskId, row.result),
      shown: row.shown === null ? {} : opened(row.id as TaskId, row.shown),
    });

  return {
    async accept(task, most, also) {
      const { id, metadata, about, webhook } = task;
      const isTaken = sql.begin(async (tx) => {
        await tx`
          insert into task (id, tenant, key, operation, model, state, shard, node, lease_until, charge, request,
                            shown)
          values (${id}, ${task.tenant}, ${task.key}, ${task.operation}, ${task.model}, 'queued', ${task.shard},
                  ${node}, now() + ${TASK_LEASE_MS} * interval '1 millisecond', ${task.charge},
                  ${sealed(id, task.request)}, ${sealed(id, { metadata, about, webhook })})`;
        await tx`insert into task_event (task, seq, data) values (${id}, 1, ${tx.json({ state: "queued" })})`;
        await also?.(tx);
        // Counted last and under a lock, so that those which come together see each other.
        await tx`select pg_advisory_xact_lock(hashtextextended(${`sluice tasks ${task.tenant}`}, 0))`;
        if ((await unfinishedOf(tx, task.tenant)) > most) throw new TooMany();
        return true;
      });
      return isTaken.catch((thrown: unknown) => {
        if (thrown instanceof TooMany) return false;
        throw thrown;
      });
    },
    async move({ id, run }, change) {
      const { event, job } = change;
      const rows = await sql<{ id: string }[]>`
        with moved as (
          update task set state = ${change.state},
                          vendor = coalesce(${change.vendor ?? null}, vendor),
                          vendor_model = coalesce(${change.vendorModel ?? null}, vendor_model),
                          vendor_key = coalesce(${change.vendorKey ?? null}, vendor_key),
                          job = coalesce(${job === undefined ? null : sealed(id, job)}, job),
                          progress = coalesce(${change.progress ?? null}, progress),
                          started_at = coalesce(started_at, now()),
                          lease_until = now() + ${TASK_LEASE_MS} * interval '1 millisecond',
                          seq = seq + ${event === undefined ? 0 : 1}
          where id = ${id} and run = ${run} and node = ${node} and ended_at is null returning id, seq
        ), told as (
          insert into task_event (task, seq, data)
          select id, seq, ${sql.json(jsonOf(event ?? {}))} from moved where ${event !== undefined}
        )
        select id from moved`;
      return rows.length > 0;
    },
    async end({ id, run }, end, also) {
      return sql.begin(async (tx) => {
        const rows = await tx`
          with ended as (
            update task set state = ${end.state}, ended_at = now(), request = null, job = null,
                            error = ${end.error === undefined ? null : tx.json(jsonOf(end.error))},
                            result = ${end.result === undefined ? null : sealed(id, end.result)},
                            usage = ${end.usage === undefined ? null : tx.json(jsonOf(end.usage))},
                            cost = ${end.cost ?? null}, seq = seq + 1,
                            progress = case when ${end.state === "succeeded"} then 1 else progress end,
                            expires_at = ${new Date(end.expiresAt)}
            where id = ${id} and run = ${run} and node = ${node} and ended_at is null returning id, seq
          )
          insert into task_event (task, seq, data) select id, seq, ${tx.json(jsonOf(end.event))} from ended
          returning task`;
        if (rows.length === 0) return false;
        await also?.(tx);
        return true;
      });
    },
    async renew(runs) {
      const known = runs.map(({ id, run }) => ({ id, run }));
      const rows = await sql<{ id: string; cancel_wanted: boolean }[]>`
        update task t set lease_until = now() + ${TASK_LEASE_MS} * interval '1 millisecond'
        from jsonb_to_recordset(${sql.json(known)}) as r(id text, run integer)
        where t.id = r.id and t.run = r.run and t.node = ${node} and t.ended_at is null
        returning t.id, t.cancel_wanted`;
      return new Map(rows.map((row) => [row.id as TaskId, { isCancelWanted: row.cancel_wanted }]));
    },
    async release({ id, run }) {
      await sql`update task set lease_until = now() where id = ${id} and run = ${run} and node = ${node}
                and ended_at is null`;
    },
    async releaseOwn() {
      await sql`update task set lease_until = now() where node = ${node} and ended_at is null`;
    },
    async claim(shards, charge) {
      const [row] = await sql<TaskRow[]>`
        select * from claim_task(${sql.json([...shards])}, ${node}, ${charge}, ${TASK_LEASE_MS})`;
      if (row === undefined) return undefined;
      const id = row.id as TaskId;
      return {
        task: shown(row),
        run: { id, run: row.run },
        request: opened(id, row.request ?? new Uint8Array()),
        vendorKey: row.vendor_key ?? undefined,
        job: row.job === null ? undefined : opened(id, row.job),
      };
    },
    unfinished: (tenant) => unfinishedOf(sql, tenant),
    async find(tenant, id) {
      const [row] = await sql<TaskRow[]>`select * from task where tenant = ${tenant} and id = ${id}`;
      return row === undefined ? undefined : shown(row);
    },
    async findAll(tenant, ids) {
      const rows = await sql<TaskRow[]>`
        select * from task where tenant = ${tenant}
          and id in (select jsonb_array_elements_text(${sql.json([...ids])}))`;
      return rows.map(shown);
    },
    async list(tenant, { most, after, state, operation }) {
      const rows = await sql<TaskRow[]>`
        select t.* from task t
        where t.tenant = ${tenant} and (${state ?? null}::text is null or t.state = ${state ?? null})
          and (${operation ?? null}::text is null or t.operation = ${operation ?? null})
          and (${after ?? null}::text is null or (t.created_at, t.id) <
               (select a.created_at, a.id from task a where a.tenant = ${tenant} and a.id = ${after ?? null}))
        order by t.created_at desc, t.id desc limit ${most}`;
      return rows.map(shown);
    },
    async events(id, after, most) {
      return sql<TaskEvent[]>`
        select seq, data from task_event where task = ${id} and seq > ${after} order by seq limit ${most}`;
    },
    async lastEvents(ids) {
      const rows = await sql<{ id: string; seq: number }[]>`
        select id, seq from task where id in (select jsonb_array_elements_text(${sql.json([...ids])}))`;
      return new Map(rows.map((row) => [row.id as TaskId, row.seq]));
    },
    async wantCancel(tenant, id) {
      const [row] = await sql<TaskRow[]>`
        update task set cancel_wanted = cancel_wanted or ended_at is null
        where tenant = ${tenant} and id = ${id} returning *`;
      return row === undefined ? undefined : shown(row);
    },
    async forgetExpired(most) {
      const { count } = await sql`
        delete from task where id in (
          select id from task where expires_at < now() order by expires_at limit ${most} for update skip locked)`;
      return count;
    },
  };
}

/** Takes a task back that is one too many. */
class TooMany extends Error {}

async function unfinishedOf(own: Sql | Transaction, tenant: TenantId): Promise<number> {
  const [row] = await own<{ count: number }[]>`
    select count(*)::integer as count from task where tenant = ${tenant} and ended_at is null`;
  return row?.count ?? 0;
}

/** What is sealed opens for its task and for nothing else. */
const contextOf = (id: TaskId): string => `task ${id}`;

/** Our own values, in the type that the driver wants of them. */
const jsonOf = (value: object): never => value as never;

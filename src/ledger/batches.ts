import type { JsonObject } from "../core/generation.ts";
import { type RequestId, type TaskId, taskId } from "../core/ids.ts";
import { type Micropoints, micropointsOf } from "../core/points.ts";
import { NO_USAGE, plus, type Usage } from "../core/usage.ts";
import type { Sql } from "./database.ts";
import type { Seal } from "./sealed.ts";
import type { TaskRun, Transaction } from "./tasks.ts";

/** The lines of batches: each is begun under a charge, done once, and never run again then. */
export interface BatchLedger {
  /** In the transaction that takes the batch. */
  add(
    transaction: Transaction,
    task: TaskId,
    lines: Iterable<NewLine> | AsyncIterable<NewLine>,
  ): Promise<void>;
  /** The first lines that are not done, at most so many, after one. */
  open(task: TaskId, after: number, most: number): Promise<readonly number[]>;
  /** Begins a line under a charge; a former run's is given up. Undefined: it is done, or the batch is another run's. */
  begin(run: TaskRun, line: number, charge: RequestId): Promise<JsonObject | undefined>;
  /** False: another run of it has begun meanwhile, and this one's answer is nothing. */
  finish(task: TaskId, line: number, charge: RequestId, answer: LineAnswer): Promise<boolean>;
  tally(task: TaskId): Promise<BatchTally>;
  /** How many lines these have, and how many ended well or not so far. */
  counts(tasks: readonly TaskId[]): Promise<ReadonlyMap<TaskId, LineCounts>>;
  /** Lines that are done, after one, in order; `isOk` says: only those that ended well, or not. */
  results(task: TaskId, after: number, most: number, isOk?: boolean): Promise<readonly LineResult[]>;
}

export interface NewLine {
  readonly customId: string | undefined;
  /** Sealed. */
  readonly request: JsonObject;
}

export interface LineAnswer {
  /** Sealed. */
  readonly response: JsonObject;
  readonly isOk: boolean;
  readonly cost: Micropoints;
  readonly usage: Usage | undefined;
}

export interface LineResult {
  readonly line: number;
  readonly customId: string | undefined;
  readonly charge: string;
  readonly isOk: boolean;
  readonly response: JsonObject;
}

export interface LineCounts {
  readonly total: number;
  readonly completed: number;
  readonly failed: number;
}

export interface BatchTally extends LineCounts {
  readonly cost: Micropoints;
  readonly usage: Usage;
}

/** What is written in one statement: so many lines, or fewer that are long. */
const LINES_A_STATEMENT = 500;
const BYTES_A_STATEMENT = 4 * 1024 * 1024;

interface Row {
  readonly line: number;
  readonly custom_id: string | null;
  readonly charge: string;
  readonly request: Uint8Array | null;
  readonly response: Uint8Array | null;
  readonly is_ok: boolean;
}

export function createBatchLedger(sql: Sql, seal: Seal): BatchLedger {
  const sealed = (task: TaskId, line: number, value: JsonObject): Uint8Array =>
    seal.seal(JSON.stringify(value), contextOf(task, line));
  const opened = (task: TaskId, line: number, bytes: Uint8Array | null): JsonObject =>
    JSON.parse(seal.open(bytes ?? new Uint8Array(), contextOf(task, line))) as JsonObject; // what `sealed` wrote
  return {
    async add(tx, task, lines) {
      let rows: { task: TaskId; line: number; custom_id: string | null; request: Uint8Array }[] = [];
      let bytes = 0;
      let line = 0;
      const write = async (): Promise<void> => {
        await tx`insert into batch_line ${tx(rows, "task", "line", "custom_id", "request")}`;
        rows = [];
        bytes = 0;
      };
      for await (const { customId, request } of lines) {
        line += 1;
        const row = { task, line, custom_id: customId ?? null, request: sealed(task, line, request) };
        rows.push(row);
        bytes += row.request.byteLength;
        if (rows.length >= LINES_A_STATEMENT || bytes >= BYTES_A_STATEMENT) await write();
      }
      if (rows.length > 0) await write();
    },
    async open(task, after, most) {
      const rows = await sql<{ line: number }[]>`
        select line from batch_line where task = ${task} and state <> 'done' and line > ${after}
        order by line limit ${most}`;
      return rows.map(({ line }) => line);
    },
    async begin({ id, run }, line, charge) {
      const [row] = await sql<Row[]>`
        select b.* from task t cross join lateral begin_batch_line(t.id, ${line}, ${charge}) b
        where t.id = ${id} and t.run = ${run} and t.ended_at is null`;
      return row === undefined ? undefined : opened(id, line, row.request);
    },
    async finish(task, line, charge, { response, isOk, cost, usage }) {
      const { count } = await sql`
        update batch_line set state = 'done', request = null, response = ${sealed(task, line, response)},
                              is_ok = ${isOk}, cost = ${cost},
                              usage = ${usage === undefined ? null : sql.json({ ...usage })}
        where task = ${task} and line = ${line} and charge = ${charge} and state = 'running'`;
      return count > 0;
    },
    async tally(task) {
      const [counts] = await sql<{ total: number; completed: number; failed: number; cost: bigint }[]>`
        select count(*)::integer as total, (count(*) filter (where is_ok))::integer as completed,
               (count(*) filter (where not is_ok))::integer as failed, coalesce(sum(cost), 0)::bigint as cost
        from batch_line where task = ${task}`;
      const rows = await sql<{ usage: Usage }[]>`
        select usage from batch_line where task = ${task} and usage is not null`;
      return {
        total: counts?.total ?? 0,
        completed: counts?.completed ?? 0,
        failed: counts?.failed ?? 0,
        cost: micropointsOf(counts?.cost ?? 0n),
        usage: rows.reduce((sum, { usage }) => plus(sum, usage), NO_USAGE),
      };
    },
    async counts(tasks) {
      const rows = await sql<{ task: string; total: number; completed: number; failed: number }[]>`
        select task, count(*)::integer as total, (count(*) filter (where is_ok))::integer as completed,
               (count(*) filter (where not is_ok))::integer as failed
        from batch_line where task in (select jsonb_array_elements_text(${sql.json([...tasks])})) group by task`;
      return new Map(rows.map(({ task, ...counts }) => [taskId(task), counts]));
    },
    async results(task, after, most, isOk) {
      const rows = await sql<Row[]>`
        select line, custom_id, charge, response, is_ok from batch_line
        where task = ${task} and state = 'done' and line > ${after}
          and (${isOk ?? null}::boolean is null or is_ok = ${isOk ?? null}) order by line limit ${most}`;
      return rows.map((row) => ({
        line: row.line,
        customId: row.custom_id ?? undefined,
        charge: row.charge,
        isOk: row.is_ok,
        response: opened(task, row.line, row.response),
      }));
    },
  };
}

/** What is sealed opens for its line and for nothing else. */
const contextOf = (task: TaskId, line: number): string => `batch ${task} ${line}`;

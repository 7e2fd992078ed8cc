import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import postgres from "postgres";
import { type TestDatabase, testDatabase } from "../../tests/postgres.ts";
import { connect, isUnreachable } from "./database.ts";

let database: TestDatabase;

beforeAll(async () => {
  database = await testDatabase();
});
afterAll(() => database.drop());

/** Cuts a pool's only connection, before, while or after it runs a statement; counts the statements that failed. */
async function cut(rounds: number): Promise<number> {
  // The driver as `connect` uses it, but without its pauses.
  const sql = postgres(database.url, { max: 1, fetch_types: false, onnotice: () => {}, backoff: () => 0 });
  let lost = 0;
  for (let round = 0; round < rounds; ) {
    try {
      // The next statement comes in the same instant in which the last one failed, as a retry does.
      const [row] = await sql<{ pid: number; round: number }[]>`
        select pg_backend_pid() as pid, ${round}::int as round`;
      expect(row?.round).toBe(round);
      const running = sql`select pg_sleep(0.002)`;
      running.catch(() => {});
      await database.sql`select pg_terminate_backend(${row?.pid ?? 0})`;
      round += 1;
      await running;
    } catch (thrown) {
      if (!isUnreachable(thrown)) throw thrown;
      lost += 1;
    }
  }
  await sql.end({ timeout: 1 });
  return lost;
}

describe("a pool whose connections are lost", () => {
  // The driver, unpatched, leaves a statement waiting for ever within a few dozen of these.
  test("answers or refuses every statement, and goes on", async () => {
    expect(await cut(100)).toBeGreaterThan(0);
  });

  test("answers a statement that it takes while it has no connection", async () => {
    const sql = connect(database.url, { max: 3 });
    await Promise.allSettled([1, 2, 3].map(() => sql`select pg_terminate_backend(pg_backend_pid())`));
    const answers = await Promise.allSettled(Array.from({ length: 20 }, () => sql`select 1 as one`));
    const unexpected = answers.filter(
      (answer) => answer.status === "rejected" && !isUnreachable(answer.reason),
    );
    expect(unexpected).toEqual([]);
    expect(await sql`select 1 as one`).toMatchObject([{ one: 1 }]);
    await sql.end({ timeout: 1 });
  });
});

test("amounts beyond a float's reach come and go unharmed", async () => {
  for (const amount of [9_007_199_254_740_993n, -(2n ** 63n), 2n ** 63n - 1n]) {
    const [row] = await database.sql<{ amount: bigint }[]>`select ${amount}::bigint as amount`;
    expect(row?.amount).toBe(amount);
  }
});

describe("what was thrown", () => {
  test.each(["CONNECTION_CLOSED", "ECONNREFUSED", "CONNECT_TIMEOUT", "57P01", "57P03", "08006", "53300"])(
    "with the code %s means that the server could not be reached",
    (code) => expect(isUnreachable({ code })).toBe(true),
  );

  test.each([{ code: "23505" }, { code: "40P01" }, { code: 57 }, new Error("x"), "57P01", null, undefined])(
    "%p does not",
    (thrown) => expect(isUnreachable(thrown)).toBe(false),
  );
});

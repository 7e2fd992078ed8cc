import { afterAll, beforeAll, expect, test } from "bun:test";
import { type TestDatabase, testDatabase } from "../../../tests/postgres.ts";
import { micropointsOf, ZERO } from "../../core/points.ts";
import { adminApp } from "../testing/admin-app.ts";

let database: TestDatabase;
let admin: Awaited<ReturnType<typeof adminApp>>;
beforeAll(async () => {
  database = await testDatabase();
  admin = await adminApp(database);
});
afterAll(() => database.drop());

test("reconciliation is answered with 200, also when the books are wrong", async () => {
  const { status, body } = await admin.call("GET", "/ledger/reconcile");
  expect(status).toBe(200);
  expect(body).toEqual({ ok: false, checks: [{ name: "usage_once", ok: false, detail: "1 wrong" }] });
});

test("nodes are listed, and the one that answers tells more", async () => {
  const { body } = await admin.call("GET", "/nodes");
  expect(body.data).toMatchObject([
    { id: "node-1", state: "ready", running_requests: 1, open_websockets: 2, spool: { open_intents: 4 } },
  ]);
});

test("what a lost node holds is given back only when that is confirmed, and never a running one's", async () => {
  const release = async (id: string, body?: object) => {
    const { status, body: answer } = await admin.call("POST", `/nodes/${id}/release`, body);
    return [status, answer.released, answer.points];
  };
  expect(await release("lost")).toEqual([200, false, "7"]);
  expect(await release("lost", { confirm: true })).toEqual([200, true, "7"]);
  expect(await release("node-1", { confirm: true })).toEqual([409, undefined, undefined]);
  expect(await release("nobody")).toEqual([404, undefined, undefined]);
});

test("actors are listed with how many there are", async () => {
  expect((await admin.call("GET", "/actors")).body).toEqual({ object: "list", total: 0, data: [] });
  expect((await admin.call("GET", "/actors?limit=0")).body.error.param).toBe("limit");
});

test("a report has a row for each group, as JSON and as CSV", async () => {
  const { call } = await adminApp(database, {
    reports: {
      async usage({ groupBy, from, to, tenant }) {
        expect({ groupBy, from, to, tenant }).toMatchObject({
          groupBy: ["model", "day"],
          from: Date.UTC(2026, 4, 1),
        });
        return [
          {
            group: { model: 'a,"b"', day: "2026-05-01" },
            requests: 2n,
            completed: 1n,
            input: 10n,
            cachedInput: 0n,
            cacheWrite: 0n,
            output: 5n,
            reasoning: 0n,
            images: 0n,
            seconds: 0n,
            cacheWriteLong: 0n,
            audioInput: 7n,
            imageInput: 0n,
            audioOutput: 0n,
            imageOutput: 0n,
            characters: 0n,
            charged: micropointsOf(1_500_000n),
            loss: ZERO,
          },
        ];
      },
    },
  });
  const query = "group_by=model,day&from=2026-05-01&to=2026-06-01T00:00:00Z";
  const { body } = await call("GET", `/usage?${query}`);
  expect(body).toMatchObject({ from: "2026-05-01T00:00:00.000Z", group_by: ["model", "day"] });
  expect(body.data).toMatchObject([{ model: 'a,"b"', requests: 2, cost: "1.5", loss: "0" }]);
  const csv = await call("GET", `/usage?${query}&format=csv`);
  expect(csv.headers.get("content-type")).toBe("text/csv; charset=utf-8");
  expect(csv.text).toBe(
    "model,day,requests,completed,input,cached_input,cache_write,output,reasoning,images,seconds,cost,loss," +
      "cache_write_long,audio_input,image_input,audio_output,image_output,characters\r\n" +
      '"a,""b""",2026-05-01,2,1,10,0,0,5,0,0,0,1.5,0,0,7,0,0,0,0\r\n',
  );
});

test("a report over the real sums, empty", async () => {
  const { status, body } = await admin.call("GET", "/usage?group_by=tenant,model,vendor,day");
  expect([status, body.data]).toEqual([200, []]);
});

test.each([
  ["group_by=colour", "group_by"],
  ["from=yesterday", "from"],
  ["from=2026-02-01&to=2026-01-01", "from"],
  ["format=xml", "format"],
])("the report ?%s is refused", async (query, param) => {
  const refused = await admin.call("GET", `/usage?${query}`);
  expect([refused.status, refused.body.error.param]).toEqual([400, param]);
});

import { expect, test } from "bun:test";
import { SluiceError } from "../../core/errors.ts";
import { keyId, requestId, taskId, tenantId } from "../../core/ids.ts";
import type { Log } from "../../core/log.ts";
import { silentLog } from "../../core/log.ts";
import type { ClaimedTask } from "../../ledger/tasks.ts";
import { unpackBatchOrder } from "./kept-order.ts";
import { keptOrder, MOST_RUNS } from "./reopen-task.ts";
import { BLANK } from "./task-ports.ts";

const id = taskId("task_1");
const claimed = (run: number): ClaimedTask => ({
  task: {
    ...BLANK,
    ...{ id, tenant: tenantId("acme"), key: keyId("k"), operation: "batch", model: "" },
    ...{ charge: requestId("r"), metadata: undefined, about: undefined, webhook: undefined, createdAt: 0 },
  },
  run: { id, run },
  request: { caller: "private" },
  vendorKey: undefined,
  job: undefined,
});

test("an order that this version cannot read waits for a node that can, for an hour, and is told each time", () => {
  const told: unknown[] = [];
  const log: Log = { ...silentLog, error: (message, about) => told.push(message, about) };
  const codeAt = (run: number): string => {
    try {
      keptOrder(claimed(run), log, unpackBatchOrder);
      return "read";
    } catch (thrown) {
      return thrown instanceof SluiceError ? thrown.code : "thrown";
    }
  };
  expect([codeAt(1), codeAt(MOST_RUNS - 1), codeAt(MOST_RUNS)]).toEqual([
    "overloaded",
    "overloaded",
    "internal_error",
  ]);
  expect(told).toHaveLength(6);
  expect(JSON.stringify(told)).toContain("caller");
  expect(JSON.stringify(told)).not.toContain("private");
});

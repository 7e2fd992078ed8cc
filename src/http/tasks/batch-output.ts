import type { TaskId } from "../../core/ids.ts";
import type { BatchLedger, LineResult } from "../../ledger/batches.ts";

/** Lines that are read at a time: answers of some KiB each. */
const PAGE = 100;
const encoder = new TextEncoder();

/**
 * What a batch's lines were answered with so far, as JSON lines in the form that OpenAI's batches have.
 * @param isOk only those that ended well, or not; absent: all
 */
export function batchOutput(
  batches: Pick<BatchLedger, "results">,
  task: TaskId,
  isOk?: boolean,
): ReadableStream<Uint8Array> {
  let after = 0;
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const results = await batches.results(task, after, PAGE, isOk);
      for (const result of results)
        controller.enqueue(encoder.encode(`${JSON.stringify(lineOf(task, result))}\n`));
      after = results.at(-1)?.line ?? after;
      if (results.length < PAGE) controller.close();
    },
  });
}

const lineOf = (task: TaskId, { line, customId, response }: LineResult) => ({
  id: `${task}_${line}`,
  custom_id: customId ?? null,
  response,
  error: null,
});

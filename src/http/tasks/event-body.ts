import type { JsonObject } from "../../core/generation.ts";
import { hasEnded, TASK_STATES, type TaskState } from "../../core/task.ts";
import type { TaskReader } from "../../gateway/tasks/task-feed.ts";
import type { TaskEvent } from "../../ledger/tasks.ts";

const encoder = new TextEncoder();

/**
 * A task's events as SSE: `id` counts from 1, `event` is `task.progress` or `task.` and the state. The last one carries
 * the whole task, and ends the stream. The client's leaving closes the reader.
 */
export function taskEvents(reader: TaskReader, whole: () => Promise<JsonObject>): ReadableStream<Uint8Array> {
  let hasLeft = false;
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        for (const event of await reader.next()) {
          if (hasLeft) return;
          const state = stateOf(event);
          const isLast = state !== undefined && hasEnded(state);
          const data = isLast ? await whole() : { object: "task.event", ...event.data };
          controller.enqueue(encoder.encode(frameOf(event, data)));
          if (isLast) {
            reader.close();
            controller.close();
            return;
          }
        }
      } catch (thrown) {
        reader.close();
        if (!hasLeft) controller.error(thrown);
      }
    },
    cancel() {
      hasLeft = true;
      reader.close();
    },
  });
}

const stateOf = ({ data }: TaskEvent): TaskState | undefined =>
  TASK_STATES.find((state) => state === data.state);

function frameOf(event: TaskEvent, data: JsonObject): string {
  const name = event.data.progress === undefined ? `task.${String(event.data.state)}` : "task.progress";
  return `id: ${event.seq}\nevent: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
}

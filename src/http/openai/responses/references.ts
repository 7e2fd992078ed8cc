import { SluiceError } from "../../../core/errors.ts";
import type { JsonObject } from "../../../core/generation.ts";
import type { TenantId } from "../../../core/ids.ts";
import { invalid } from "../../../gateway/requests/fields.ts";
import { MOST_CONVERSATION_BYTES, type ResponseLedger } from "../../../ledger/responses.ts";
import { objectsIn } from "./chat-pieces.ts";
import type { KeptTurn } from "./keeping.ts";
import { isForeignName, responseOfItem } from "./response-object.ts";

/** Each response that is referred to is a look-up; more than the turns of a long session with tools. */
const MOST_RESPONSES = 100;

/**
 * The items, with what `item_reference` names put in its place: items of the tenant's kept responses.
 * @throws SluiceError `not_found` for one that is not kept, `invalid_request` for more than are looked up
 */
export async function withReferences(
  ledger: ResponseLedger,
  tenant: TenantId,
  items: readonly JsonObject[],
): Promise<readonly JsonObject[]> {
  const wanted = new Map<string, string>();
  items.forEach(({ type, id }, index) => {
    if (type === "item_reference") wanted.set(requiredId(id, index), `input[${index}]`);
  });
  if (wanted.size === 0) return items;
  const found = await findItems(ledger, tenant, wanted);
  let bytes = 0;
  return items.map((item, index) => {
    if (item.type !== "item_reference") return item;
    const kept = found.get(String(item.id));
    const param = `input[${index}]`;
    if (kept === undefined) {
      const message = `Item with id '${String(item.id)}' not found: responses are kept for a day.`;
      throw new SluiceError("not_found", message, { param });
    }
    bytes += kept.bytes;
    if (bytes > MOST_CONVERSATION_BYTES) throw invalid(param, "the conversation is longer than it may be");
    return kept.item;
  });
}

interface FoundItem {
  readonly item: JsonObject;
  readonly bytes: number;
}

/** One response at a time, so that no more than one is in memory as a whole. @param wanted ids, and where they stand */
async function findItems(
  ledger: ResponseLedger,
  tenant: TenantId,
  wanted: ReadonlyMap<string, string>,
): Promise<ReadonlyMap<string, FoundItem>> {
  const foreign = [...wanted.keys()].filter(isForeignName);
  const named = foreign.length === 0 ? new Map<string, string>() : await ledger.responsesOf(tenant, foreign);
  const responses = new Set([...wanted.keys()].map((id) => responseOfItem(id) ?? named.get(id)));
  if (responses.size > MOST_RESPONSES) {
    throw invalid("input", `refers to more than ${MOST_RESPONSES} responses: use 'previous_response_id'`);
  }
  const found = new Map<string, FoundItem>();
  for (const response of responses) {
    const content = response === undefined ? undefined : await ledger.find(tenant, response);
    if (content === undefined) continue;
    const { output } = (JSON.parse(content) as KeptTurn).response; // sealed: only we wrote it
    for (const item of objectsIn(output)) {
      const id = String(item.id);
      if (wanted.has(id)) found.set(id, { item, bytes: Buffer.byteLength(JSON.stringify(item)) });
    }
  }
  return found;
}

function requiredId(id: unknown, index: number): string {
  if (typeof id !== "string") throw invalid(`input[${index}].id`, "must be a string");
  return id;
}

import type { RequestId } from "../core/ids.ts";
import type { Sql } from "./database.ts";

/**
 * Gives a run up for another one that charges for both: what the former is charged, whenever that is told, becomes the
 * platform's. Where it was charged before, the other one is free. The same lock as that of idempotency keys: charges
 * are booked before it or after it.
 */
export async function giveUpRun(sql: Sql, former: RequestId, by: RequestId): Promise<void> {
  await sql.begin(async (transaction) => {
    await transaction`select pg_advisory_xact_lock(hashtextextended('sluice superseded', 0))`;
    await transaction`
      insert into superseded (request)
      select case when exists (select 1 from usage u where u.id = ${former} and u.charged > 0)
                  then ${by}::text else ${former}::text end
      on conflict do nothing`;
  });
}

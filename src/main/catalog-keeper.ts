import type { Config } from "../config/config.ts";
import { withManaged } from "../config/managed.ts";
import type { Catalog } from "../core/catalog.ts";
import type { Log } from "../core/log.ts";
import { systemRandom as random } from "../core/random.ts";
import { createManaged, type Managed } from "../ledger/managed.ts";
import { createSeal } from "../ledger/sealed.ts";
import { derivedKey, type LedgerParts } from "./ledger-parts.ts";

/** What is served: what the configuration declares, and on top of it what is managed through the admin API. */
export interface CatalogKeeper {
  readonly managed: Managed;
  /** The configuration in force, without what is managed. */
  declared(): Config;
  /** Reads what is managed and puts everything into force. */
  applyManaged(): Promise<void>;
  /** Takes a new configuration over. */
  declare(config: Config): Promise<void>;
}

export interface Keeping {
  readonly keeper: CatalogKeeper;
  /** What is in force at the start. */
  readonly catalog: Catalog;
}

/** @param apply puts a catalog into force; set once there is something to put it into */
export async function keepCatalog(
  { sql, masterSecret }: Pick<LedgerParts, "sql" | "masterSecret">,
  config: Config,
  apply: (catalog: Catalog) => Promise<void>,
  log: Log,
): Promise<Keeping> {
  const managed = createManaged(sql, createSeal(derivedKey(masterSecret, "vendor keys"), random));
  let declared = config;
  const whole = async (base: Config): Promise<Catalog> => {
    const [vendors, models] = [await managed.vendors(), await managed.models()];
    const { catalog, problems } = withManaged(base.catalog, { vendors, models });
    for (const problem of problems) log.error("something managed cannot be used", { problem });
    return catalog;
  };
  return {
    catalog: await whole(config),
    keeper: {
      managed,
      declared: () => declared,
      applyManaged: async () => apply(await whole(declared)),
      async declare(next) {
        await apply(await whole(next));
        declared = next;
      },
    },
  };
}

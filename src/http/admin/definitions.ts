import type { z } from "zod";
import type { Catalog } from "../../core/catalog.ts";
import { SluiceError } from "../../core/errors.ts";
import type { Managed } from "../../ledger/managed.ts";
import type { FindingsOf } from "./operation.ts";

/** The configuration file's own schemas: what is managed here is written as it is there. */
export interface DefinitionSchemas {
  readonly vendor: z.ZodType;
  readonly model: z.ZodType;
}

export interface DefinitionPorts {
  readonly schemas: DefinitionSchemas;
  readonly managed: Managed;
  /** Everything that is in force. */
  catalog(): Catalog;
  /** What the configuration declares by itself; it is read-only here. */
  declared(): { readonly catalog: Catalog; readonly source: { readonly file?: string } };
  /** What a vendor's whole definition lacks to be called, beyond its schema. */
  vendorFindings(id: string, definition: unknown): ReturnType<FindingsOf>;
  /** Puts what is managed into force. */
  applyManaged(): Promise<void>;
}

/** @throws SluiceError `conflict` when the configuration declares it */
export function requireManageable(
  ports: Pick<DefinitionPorts, "declared">,
  kind: "vendors" | "models",
  name: string,
): void {
  const { catalog, source } = ports.declared();
  const names: ReadonlySet<string> = new Set(catalog[kind].keys());
  if (!names.has(name)) return;
  const where = source.file === undefined ? "" : ` (${source.file})`;
  throw new SluiceError("conflict", `'${name}' is declared by the configuration${where}: change it there.`);
}

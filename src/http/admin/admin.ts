import { Elysia } from "elysia";
import type { UsageReportPorts } from "../usage-report.ts";
import { ACTOR_OPERATIONS, type ActorPorts, actorRoutes } from "./actors.ts";
import { type AuthorizePorts, createAdminAccess } from "./authorize.ts";
import type { DefinitionSchemas } from "./definitions.ts";
import { KEY_OPERATIONS, type KeyPorts, keyRoutes } from "./keys.ts";
import { LEDGER_OPERATIONS, type LedgerPorts, ledgerRoutes } from "./ledger.ts";
import { type ModelPorts, modelOperations, modelRoutes } from "./models.ts";
import { NODE_OPERATIONS, type NodePorts, nodeRoutes } from "./nodes.ts";
import { type AdminOperation, mountRoutes, type OperationPorts } from "./operation.ts";
import { TASK_OPERATIONS, type TaskPorts, taskRoutes } from "./tasks.ts";
import { TENANT_OPERATIONS, type TenantPorts, tenantRoutes } from "./tenants.ts";
import { TOKEN_OPERATIONS, tokenRoutes } from "./tokens.ts";
import { USAGE_OPERATIONS, usageRoutes } from "./usage.ts";
import { type VendorPorts, vendorOperations, vendorRoutes } from "./vendors.ts";

export interface AdminPorts
  extends AuthorizePorts,
    Omit<OperationPorts, "access">,
    TenantPorts,
    KeyPorts,
    VendorPorts,
    ModelPorts,
    NodePorts,
    ActorPorts,
    LedgerPorts,
    TaskPorts,
    UsageReportPorts {
  readonly tenants: TenantPorts["tenants"];
}

/** Everything below `/admin/v1`, for the admin key or a token with the permission. */
export function adminRoutes(ports: AdminPorts) {
  const access = createAdminAccess(ports);
  const mounting = { ...ports, access };
  return new Elysia({ name: "admin" })
    .use(mountRoutes(mounting, "tenants", tenantRoutes(ports)))
    .use(mountRoutes(mounting, "keys", keyRoutes(ports)))
    .use(mountRoutes(mounting, "vendors", vendorRoutes(ports)))
    .use(mountRoutes(mounting, "models", modelRoutes(ports)))
    .use(mountRoutes(mounting, "nodes", nodeRoutes(ports)))
    .use(mountRoutes(mounting, "actors", actorRoutes(ports)))
    .use(mountRoutes(mounting, "ledger", ledgerRoutes(ports)))
    .use(mountRoutes(mounting, "tasks", taskRoutes(ports)))
    .use(mountRoutes(mounting, "usage", usageRoutes(ports)))
    .use(mountRoutes(mounting, "tokens", tokenRoutes({ clock: ports.clock, access })));
}

/** The same calls as data, for the API's description. */
export const adminOperations = (schemas: DefinitionSchemas): readonly AdminOperation[] => [
  ...TENANT_OPERATIONS,
  ...KEY_OPERATIONS,
  ...vendorOperations(schemas),
  ...modelOperations(schemas),
  ...NODE_OPERATIONS,
  ...ACTOR_OPERATIONS,
  ...LEDGER_OPERATIONS,
  ...TASK_OPERATIONS,
  ...USAGE_OPERATIONS,
  ...TOKEN_OPERATIONS,
];

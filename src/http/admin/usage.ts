import { tenantId } from "../../core/ids.ts";
import { type UsageReportPorts, usageReport } from "../usage-report.ts";
import { type AdminOperation, type AdminRoute, route } from "./operation.ts";

const report: AdminOperation = {
  method: "get",
  path: "/usage",
  permission: "usage:read",
  summary: "Cost and token report",
  parameters: {
    group_by: "A list out of tenant, key, model, vendor, tier, day, hour; absent: one sum.",
    from: "A date or time; absent: thirty days before `to`.",
    to: "A date or time, not included; absent: now.",
    tenant: "Only this tenant's.",
    format: "`json` (default) or `csv`.",
  },
  answers: { 200: "A row for each group.", 400: "A parameter cannot be read." },
};
export const USAGE_OPERATIONS: readonly AdminOperation[] = [report];

export function usageRoutes(ports: UsageReportPorts): readonly AdminRoute[] {
  return [
    route(report, ({ query }) => {
      const tenant = query.get("tenant");
      return usageReport(ports, query, tenant === null ? undefined : tenantId(tenant));
    }),
  ];
}

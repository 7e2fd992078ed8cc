import { z } from "zod";
import type { Clock } from "../../core/clock.ts";
import { SluiceError } from "../../core/errors.ts";
import type { AdminAccess } from "./authorize.ts";
import { duration, durationOf } from "./fields.ts";
import { type AdminOperation, type AdminRoute, route } from "./operation.ts";
import { covers, GRANTABLE } from "./permissions.ts";

export interface TokenPorts {
  readonly clock: Clock;
  readonly access: AdminAccess;
}

const newToken = z.strictObject({
  permissions: z
    .array(z.enum(GRANTABLE))
    .min(1)
    .describe("Such as `ledger:read` or `tenants:*`; never more than the caller has."),
  ttl: duration
    .refine((text) => durationOf(text) >= 1_000, "must be at least 1s")
    .optional()
    .describe("How long it is good for, at most as long as the caller's own; absent: 1h."),
});

const mint: AdminOperation<z.infer<typeof newToken>> = {
  method: "post",
  path: "/tokens",
  permission: "tokens:write",
  summary: "Make an admin token (JWT) with some of the caller's own permissions",
  body: newToken,
  answers: { 201: "The token and when it expires.", 403: "The caller lacks one of the permissions." },
};
export const TOKEN_OPERATIONS: readonly AdminOperation[] = [mint];

export function tokenRoutes({ clock, access }: TokenPorts): readonly AdminRoute[] {
  return [
    route(mint, async ({ admin, body }) => {
      const missing = body.permissions.find((permission) => !covers(admin.permissions, permission));
      if (missing !== undefined) {
        const message = `You cannot give the permission '${missing}': you do not have it.`;
        throw new SluiceError("permission_denied", message, { param: "permissions" });
      }
      const wanted = clock.now() + durationOf(body.ttl ?? "1h");
      const expiresAt = Math.min(wanted, admin.expiresAt ?? Number.POSITIVE_INFINITY);
      const token = await access.mint(body.permissions, expiresAt);
      const answer = {
        object: "token",
        token,
        permissions: body.permissions,
        expires_at: new Date(Math.floor(expiresAt / 1_000) * 1_000).toISOString(),
      };
      return Response.json(answer, { status: 201, headers: { "cache-control": "no-store" } });
    }),
  ];
}

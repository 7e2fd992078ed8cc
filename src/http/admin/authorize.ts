import { timingSafeEqual } from "node:crypto";
import { jwt } from "@elysiajs/jwt";
import type { Clock } from "../../core/clock.ts";
import { SluiceError } from "../../core/errors.ts";
import { covers, EVERYTHING, type Permission } from "./permissions.ts";

export interface AuthorizePorts {
  readonly clock: Clock;
  /** SHA-256 (hex) of the admin key. */
  readonly adminKeyHash: string;
  /** 32 bytes, derived from the master secret for admin tokens alone. */
  readonly tokenSecret: Uint8Array;
}

/** Whoever calls the admin API. */
export interface Admin {
  readonly permissions: readonly string[];
  /** Epoch milliseconds; null: the admin key, which does not expire. */
  readonly expiresAt: number | null;
}

export interface AdminAccess {
  /** @throws SluiceError `invalid_api_key` without a valid key or token, `permission_denied` when it does not carry the permission */
  authorize(headers: Headers, permission: Permission): Promise<Admin>;
  /** A token with these permissions; epoch milliseconds are cut to whole seconds. */
  mint(permissions: readonly string[], expiresAt: number): Promise<string>;
}

/** No client key and no token of another kind passes for an admin token. */
const AUDIENCE = "sluice-admin";

export function createAdminAccess({ clock, adminKeyHash, tokenSecret }: AuthorizePorts): AdminAccess {
  const expected = Buffer.from(adminKeyHash, "hex");
  const secret = Buffer.from(tokenSecret).toString("base64url");
  const { jwt: tokens } = jwt({ name: "jwt", secret, alg: "HS256" }).decorator;

  const isAdminKey = (credential: string): boolean => {
    const hash = new Bun.CryptoHasher("sha256").update(credential).digest();
    return hash.length === expected.length && timingSafeEqual(hash, expected);
  };
  const holderOf = async (token: string): Promise<Admin | undefined> => {
    const claims = await tokens.verify(token, {
      algorithms: ["HS256"],
      audience: AUDIENCE,
      currentDate: new Date(clock.now()),
      requiredClaims: ["exp"],
    });
    if (claims === false || typeof claims.exp !== "number") return undefined;
    const { permissions } = claims;
    if (!isTexts(permissions)) return undefined;
    return { permissions, expiresAt: claims.exp * 1_000 };
  };
  const identify = async (credential: string): Promise<Admin> => {
    if (isAdminKey(credential)) return { permissions: [EVERYTHING], expiresAt: null };
    const holder = credential.split(".").length === 3 ? await holderOf(credential) : undefined;
    if (holder === undefined) {
      throw new SluiceError("invalid_api_key", "Incorrect or expired admin key or token.");
    }
    return holder;
  };

  return {
    async authorize(headers, permission) {
      const admin = await identify(credentialOf(headers));
      if (covers(admin.permissions, permission)) return admin;
      throw new SluiceError("permission_denied", `This token lacks the permission '${permission}'.`);
    },
    mint: (permissions, expiresAt) =>
      tokens.sign({
        aud: AUDIENCE,
        permissions: [...permissions],
        exp: Math.floor(expiresAt / 1_000),
        iat: false,
      }),
  };
}

function credentialOf(headers: Headers): string {
  const [, bearer] = /^bearer\s+(\S+)\s*$/i.exec(headers.get("authorization") ?? "") ?? [];
  const credential = bearer ?? headers.get("x-admin-key");
  if (credential !== null && credential !== "") return credential;
  const message = "Send the admin key or a token as 'Authorization: Bearer …' or 'x-admin-key'.";
  throw new SluiceError("invalid_api_key", message);
}

const isTexts = (value: unknown): value is readonly string[] =>
  Array.isArray(value) && value.every((entry) => typeof entry === "string");

import { SluiceError } from "../../core/errors.ts";
import type { GenerationRequest } from "../../core/generation.ts";
import { keyId, tenantId } from "../../core/ids.ts";
import type {
  Caller,
  Credential,
  Gateway,
  GenerateOptions,
  Generation,
  ModelView,
  Scope,
  TokenCount,
} from "../gateway.ts";
import { ScriptedGeneration } from "./scripted-generation.ts";

type Script = (
  request: GenerationRequest,
  options: GenerateOptions,
) => ScriptedGeneration | Promise<ScriptedGeneration>;

/** A gateway whose keys and answers a test writes. Keys are `sk-<tenant>` or `sk-<tenant>-<more>`. */
export class ScriptedGateway implements Gateway {
  close(): void {}

  readonly revoked = new Set<string>();
  readonly authenticated: { credential: Credential; scope: Scope }[] = [];
  readonly requests: GenerationRequest[] = [];
  /** In the order in which they were asked for. */
  readonly generations: ScriptedGeneration[] = [];
  /** Makes the answer of one request; absent: one that the test itself goes on telling. */
  script: Script | undefined;

  authenticate(credential: Credential, scope: Scope): Caller {
    const { secret, address } = credential;
    this.authenticated.push({ credential: { secret, address }, scope });
    const tenant = /^sk-([a-z]+)/.exec(secret)?.[1];
    if (tenant === undefined || this.revoked.has(secret)) {
      throw new SluiceError("invalid_api_key", "Incorrect API key provided.");
    }
    return {
      tenant: tenantId(tenant),
      key: keyId(secret),
      tier: "normal",
      models: null,
      vendors: null,
      onShortBalance: "cap",
      limits: null,
      budget: null,
    };
  }

  async generate(_caller: Caller, request: GenerationRequest, options: GenerateOptions): Promise<Generation> {
    this.requests.push(request);
    const generation =
      this.script === undefined
        ? new ScriptedGeneration(`g${this.generations.length}`)
        : await this.script(request, options);
    this.generations.push(generation);
    return generation;
  }

  countTokens(): Promise<TokenCount> {
    return Promise.resolve({ inputTokens: 0 });
  }

  models(): readonly ModelView[] {
    return [];
  }
}

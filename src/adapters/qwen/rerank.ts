import type { JsonObject } from "../../core/generation.ts";
import { readRanking } from "../openai-services/rerank.ts";
import { authorized, type Service } from "../openai-services/service.ts";
import { nativeBase } from "./native-base.ts";

/** The models that have the path of the compatible mode as well (Model Studio's text rerank reference). */
const COMPATIBLE = /^qwen3-rerank/;

/** Rerank of Model Studio: `/compatible-api/v1/reranks` where the model has it, else DashScope's own call. */
export const rerank: Service = {
  buildCall(request, target) {
    const { query, documents, top_n, instruct } = request.body;
    const native = nativeBase(target.baseUrl);
    const isCompatible = COMPATIBLE.test(target.model) && native !== target.baseUrl;
    // Documents are shown out of the request: they need not come back.
    const options = given({ top_n, instruct });
    const body = isCompatible
      ? { model: target.model, query, documents, ...options }
      : {
          model: target.model,
          input: { query, documents },
          parameters: { return_documents: false, ...options },
        };
    const known = ["model", "query", "documents", "top_n", "return_documents", "instruct"];
    const dropped = Object.keys(request.body).filter((name) => !known.includes(name));
    return {
      method: "POST",
      url: isCompatible
        ? native.replace(/\/api\/v1$/, "/compatible-api/v1/reranks")
        : `${native}/services/rerank/text-rerank/text-rerank`,
      headers: authorized(target, "application/json", "application/json"),
      body: JSON.stringify(body),
      ...(dropped.length === 0 ? {} : { dropped }),
    };
  },
  readAnswer: readRanking,
};

const given = (fields: JsonObject): JsonObject =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined && value !== null));

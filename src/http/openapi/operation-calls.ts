import { type Answer, type Description, json } from "./description.ts";

/** What everybody can call: monitoring, and this description itself. */

const call = (path: string, summary: string, answers: Description["answers"]): Description => ({
  method: "get",
  path,
  tag: "Operations",
  summary,
  access: "public",
  answers,
});

const textOf = (text: string, type: string): Answer => ({ text, types: { [type]: { type: "string" } } });

export const OPERATION_CALLS: readonly Description[] = [
  call("/health/live", "The process answers", { 200: json("It does.", "Health") }),
  call("/health/ready", "The node takes requests", {
    200: json("It does.", "Health"),
    503: json("It does not, and why.", "Health"),
  }),
  call("/actuator/health", "The same in Spring Boot's shape", {
    200: "`UP`, with its components.",
    503: "`DOWN`, with its components.",
  }),
  call("/metrics", "Metrics for Prometheus", { 200: textOf("Prometheus' text format.", "text/plain") }),
  call("/openapi.json", "This description", { 200: "OpenAPI 3.1." }),
  call("/docs", "This description, to read and try", { 200: textOf("A page.", "text/html") }),
  call("/docs/{file}", "What that page is made of", {
    200: "Scripts, styles and icons.",
    404: "There is no such file.",
  }),
];

import { ApiError, type FunctionDeclaration, type GenerateContentResponse, Type } from "@google/genai";

/** What tests with Google's SDK ask, and how they read what they get. */
export const contents = "How are you?";
export const QUESTION = [{ role: "user", parts: [{ text: contents }] }];

export const weather: FunctionDeclaration = {
  name: "weather",
  description: "The weather of a city",
  parameters: { type: Type.OBJECT, properties: { city: { type: Type.STRING } }, required: ["city"] },
};
export const tools = [{ functionDeclarations: [weather] }];
export const CITIES = ["Rome", "Bern"].map((city) => ({ name: "weather", arguments: `{"city":"${city}"}` }));

export async function refusal(running: Promise<unknown>): Promise<ApiError> {
  const thrown = await running.catch((error: unknown) => error);
  if (thrown instanceof ApiError) return thrown;
  throw new Error(`was not refused: ${String(thrown)}`);
}

interface Detail {
  readonly "@type": string;
  readonly reason?: string;
  readonly retryDelay?: string;
  readonly metadata?: Readonly<Record<string, string>>;
}

/** What an error says in Google's shape. */
export function told({ message }: ApiError): { code: number; status: string; details: readonly Detail[] } {
  const { error } = JSON.parse(message.slice(message.indexOf("{"))) as { error: ReturnType<typeof told> };
  return error;
}
export const codeOf = (error: ApiError) => told(error).details[0]?.metadata?.code;

export async function chunksOf(
  stream: AsyncIterable<GenerateContentResponse>,
): Promise<readonly GenerateContentResponse[]> {
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  return chunks;
}

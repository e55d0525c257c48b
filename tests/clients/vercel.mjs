// The Vercel AI SDK against an OpenAI-compatible server: `node vercel.mjs BASE_URL PHOTO_URL`, prints JSON.
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const resolve = createRequire(pathToFileURL(process.env.OUTFIT_CLIENTS + "/")).resolve;
const load = (name) => import(pathToFileURL(resolve(name)));
const { embedMany, generateObject, generateText, streamText } = await load("ai");
const { createOpenAICompatible } = await load("@ai-sdk/openai-compatible");
const { z } = await load("zod");

const [baseURL, photo] = process.argv.slice(2);
const shop = createOpenAICompatible({ name: "outfit", baseURL, apiKey: "none", supportsStructuredOutputs: true });
const model = shop("outfit-assistant");
const messages = [
  { role: "user", content: [{ type: "text", text: "What goes with this?" }, { type: "image", image: photo }] },
];

const answer = await generateText({ model, messages, maxRetries: 0 });
const stream = streamText({ model, messages, maxRetries: 0 });
let streamed = "";
for await (const text of stream.textStream) streamed += text;
const looks = z.object({
  looks: z.array(z.object({ title: z.string(), pieces: z.array(z.object({ sku: z.string(), reason: z.string() })) })),
});
const { object } = await generateObject({ model, messages, schema: looks, maxRetries: 0 });
const refused = await generateText({ model: shop("gpt-4o"), prompt: "hello", maxRetries: 0 }).catch((error) => error);
const { embeddings } = await embedMany({ model: shop.textEmbeddingModel("hashing-text"), values: ["black jeans", "white shoes"] });

console.log(
  JSON.stringify({
    text: answer.text,
    finishReason: answer.finishReason,
    tokens: answer.usage.totalTokens,
    streamed,
    streamedReason: await stream.finishReason,
    object,
    refused: { status: refused.statusCode, message: refused.message },
    embeddings,
  }),
);

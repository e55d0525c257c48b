"""LangChain against an OpenAI-compatible server: `python langchain_client.py BASE_URL PHOTO_URL`, prints JSON."""

from __future__ import annotations

import asyncio
import json
import sys

from langchain_core.messages import AIMessage, HumanMessage
from langchain_openai import ChatOpenAI, OpenAIEmbeddings
from openai import BadRequestError
from pydantic import BaseModel


class Piece(BaseModel):
    sku: str
    title: str
    reason: str


class Look(BaseModel):
    title: str
    pieces: list[Piece]


class Looks(BaseModel):
    """Looks around the garment of a photo."""

    looks: list[Look]


base_url, photo = sys.argv[1:]
model = ChatOpenAI(model="outfit-assistant", base_url=base_url, api_key="none", max_retries=0, timeout=60)
first = HumanMessage([{"type": "text", "text": "What goes with this?"}, {"type": "image_url", "image_url": {"url": photo}}])
answer = model.invoke([first])
later = model.invoke([first, AIMessage(answer.content), HumanMessage("no bag please")])
chunks = list(model.stream([first]))
structured = model.with_structured_output(Looks, method="json_schema").invoke([first])
try:
    model.invoke("hello", n=2)
    refused = ""
except BadRequestError as error:
    refused = error.param


async def together() -> list[str]:
    return [reply.content for reply in await asyncio.gather(*(model.ainvoke(text) for text in ("black jeans", "jeans")))]


settings = {"model": "hashing-text", "base_url": base_url, "api_key": "none", "max_retries": 0}
embeddings = OpenAIEmbeddings(**settings, check_embedding_ctx_length=False)
print(
    json.dumps(
        {
            "text": answer.content,
            "later": later.content,
            "finish_reason": answer.response_metadata["finish_reason"],
            "tokens": answer.usage_metadata["total_tokens"],
            "streamed": "".join(chunk.content for chunk in chunks),
            "structured": structured.model_dump(),
            "refused": refused,
            "together": asyncio.run(together()),
            "query": embeddings.embed_query("black jeans"),
            "documents": embeddings.embed_documents(["black jeans", "white shoes"]),
        }
    )
)

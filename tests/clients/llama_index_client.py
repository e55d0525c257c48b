"""LlamaIndex against an OpenAI-compatible server: `python llama_index_client.py BASE_URL PHOTO_URL`, prints JSON."""

from __future__ import annotations

import asyncio
import base64
import json
import sys

from llama_index.core.llms import ChatMessage, ImageBlock, TextBlock
from llama_index.embeddings.openai_like import OpenAILikeEmbedding
from llama_index.llms.openai_like import OpenAILike
from pydantic import BaseModel


class Look(BaseModel):
    title: str
    reason: str


class Looks(BaseModel):
    """Looks around the garment of a photo."""

    looks: list[Look]


base_url, photo = sys.argv[1:]
model = OpenAILike(
    model="outfit-assistant", api_base=base_url, api_key="none", is_chat_model=True, max_retries=0, timeout=60,
    should_use_structured_outputs=True,
)  # fmt: skip
picture = base64.b64decode(photo.partition(",")[2])
message = ChatMessage(
    role="user", blocks=[TextBlock(text="What goes with this?"), ImageBlock(image=picture, image_mimetype="image/jpeg")]
)
answer = model.chat([message])
streamed = [event.delta or "" for event in model.stream_chat([message])]
structured = model.as_structured_llm(Looks).chat([message])
completed = model.complete("black jeans")


async def later() -> str:
    return (await model.achat([ChatMessage(role="user", content="jeans")])).message.content


embedding = OpenAILikeEmbedding(model_name="hashing-text", api_base=base_url, api_key="none", max_retries=0)
print(
    json.dumps(
        {
            "text": answer.message.content,
            "streamed": "".join(streamed),
            "structured": json.loads(structured.message.content),
            "completed": completed.text,
            "later": asyncio.run(later()),
            "query": embedding.get_query_embedding("black jeans"),
            "documents": embedding.get_text_embedding_batch(["black jeans", "white shoes"]),
        }
    )
)

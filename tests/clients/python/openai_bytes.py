"""An application on openai-python that takes streams as they come: prints length and hash of each. Knows nothing of tokmeter.

python openai_bytes.py TIMES
"""

import sys

import openai
import plan

if __name__ == "__main__":
    with openai.OpenAI() as client:
        question = [{"role": "user", "content": "How many sheep make a flock?"}]
        for _ in range(int(sys.argv[1])):
            asked = client.chat.completions.with_streaming_response.create(
                model="gpt-4o", messages=question, max_completion_tokens=64, stream=True
            )
            with asked as reply:
                plan.show(reply.status_code, reply.http_response.http_version, b"".join(reply.iter_bytes()))

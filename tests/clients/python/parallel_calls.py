"""An application with many callers at once: each asks OpenAI again and again until it is refused.

python parallel_calls.py CALLERS MAX_TOKENS; prints one line: replies, refusals by error class, most in flight.
"""

import asyncio
import collections
import json
import sys

import openai

CALLS_MAX = 200
"""A caller that is never refused gives up."""


class Callers:
    """The callers and their common count."""

    def __init__(self, max_tokens):
        self.max_tokens = max_tokens
        self.replies = 0
        self.in_flight = self.most_in_flight = 0
        self.errors = collections.Counter()

    async def call(self, client):
        """One caller."""
        for _ in range(CALLS_MAX):
            self.in_flight += 1
            self.most_in_flight = max(self.most_in_flight, self.in_flight)
            try:
                await client.chat.completions.create(
                    model="gpt-4o",
                    messages=[{"role": "user", "content": "Count the sheep."}],
                    max_completion_tokens=self.max_tokens,
                )
            except openai.OpenAIError as error:
                self.errors[type(error).__name__] += 1
                return
            finally:
                self.in_flight -= 1
            self.replies += 1


async def main(callers, max_tokens):
    """Starts all callers and waits for the last."""
    shared = Callers(max_tokens)
    async with openai.AsyncOpenAI() as client:
        await asyncio.gather(*(shared.call(client) for _ in range(callers)))
    print(json.dumps({"replies": shared.replies, "errors": shared.errors, "in_flight": shared.most_in_flight}))


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2])))

// An application on openai-node: makes the calls it is told and prints what it learned. Knows nothing of tokmeter.
//
// node openai_calls.mjs CALL...
import OpenAI from 'openai';

const messages = [{ role: 'user', content: 'How many sheep make a flock?' }];
const wanted = 2; // content pieces after which an impatient application has read enough
const client = new OpenAI();

function words(text) {
  return text.split(' ').filter(Boolean).length;
}

function tokens(usage) {
  return usage ? [usage.prompt_tokens ?? usage.input_tokens, usage.completion_tokens ?? usage.output_tokens ?? 0] : null;
}

function chat(more) {
  return client.chat.completions.create({ model: 'gpt-4o', messages, max_completion_tokens: 64, ...more });
}

async function read(stream, limit) {
  let text = '';
  let pieces = 0;
  let usage = null;
  for await (const chunk of stream) {
    const piece = chunk.choices[0]?.delta?.content ?? '';
    text += piece;
    pieces += piece ? 1 : 0;
    usage = chunk.usage ?? usage;
    if (pieces === limit) break;
  }
  return { words: words(text), tokens: tokens(usage) };
}

const calls = {
  async chat() {
    const reply = await chat({});
    return { words: words(reply.choices[0].message.content), tokens: tokens(reply.usage) };
  },
  async stream() {
    return read(await chat({ stream: true }), Infinity);
  },
  async stream_with_usage() {
    return read(await chat({ stream: true, stream_options: { include_usage: true } }), Infinity);
  },
  async impatient() {
    return read(await chat({ stream: true }), wanted);
  },
  async responses() {
    const reply = await client.responses.create({ model: 'gpt-4o', input: messages[0].content, max_output_tokens: 64 });
    return { words: words(reply.output_text), tokens: tokens(reply.usage) };
  },
  async embeddings() {
    const reply = await client.embeddings.create({ model: 'text-embedding-3-small', input: ['one sheep', 'two sheep'] });
    return { words: 0, tokens: tokens(reply.usage) };
  },
};

for (const name of process.argv.slice(2)) {
  let result;
  try {
    result = await calls[name]();
  } catch (error) {
    result = { error: error.constructor.name, status: error.status ?? null, code: error.code ?? null, type: error.type ?? null };
  }
  console.log(JSON.stringify({ call: name, ...result }));
}

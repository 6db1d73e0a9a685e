// One question, as an application on Node's own clients asks it: `node ask.cjs fetch|https HOST:PORT`.
// Prints `accepted` and the status of the reply, or `refused` and what Node says of the certificate.
const https = require('https');

const [library, place] = process.argv.slice(-2);
const url = `https://${place}/v1/chat/completions`;
const body = JSON.stringify({
  model: 'gpt-4o', messages: [{ role: 'user', content: 'How many sheep make a flock?' }], max_tokens: 64,
});
const headers = { authorization: 'Bearer sk-of-nobody', 'content-type': 'application/json' };

const clients = {
  fetch: async () => {
    const reply = await fetch(url, { method: 'POST', headers, body });
    await reply.text();
    return reply.status;
  },
  https: () => new Promise((resolve, reject) => {
    const request = https.request(url, { method: 'POST', headers }, (reply) => {
      reply.resume().on('end', () => resolve(reply.statusCode));
    });
    request.on('error', reject).end(body);
  }),
};

clients[library]().then(
  (status) => console.log('accepted', status),
  (failed) => console.log('refused', (failed.cause ?? failed).code, String(failed.cause ?? failed)),
);

'use strict';
// What many waits cost: `node test/many.js 1000 3` waits for so many jobs, which do not end, with limits of so many seconds.
const { Client, TimeoutError } = require('zmd');

async function main(count, seconds) {
  const client = Client.fromEnvironment();
  let latest = 0;
  const begin = performance.now();
  await Promise.all(Array.from({ length: count }, async () => {
    const added = performance.now();
    await client.wait('Leads', '1002', { timeoutMs: seconds * 1000 }).catch((error) => {
      if (!(error instanceof TimeoutError)) throw error;
    });
    latest = Math.max(latest, performance.now() - added - seconds * 1000);
  }));
  const took = (performance.now() - begin) / 1000;
  const memory = process.resourceUsage().maxRSS / 1024;
  await client.close();
  console.log(`${count} waits of ${seconds} s took ${took.toFixed(2)} s, the latest ended ${latest.toFixed(0)} ms after its limit, ${memory.toFixed(0)} MB`);
}

main(...process.argv.slice(2).map(Number));
